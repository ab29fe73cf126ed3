// The shared vectors through the Go module.
//
// Every case goes to the library as JSON; the limiter's and the backoff's go through the typed functions as well.
//
//	vectors DIRECTORY    runs every case of every suite
//	vectors in FILE      goes on from states that Rust made: see core/examples/exchange
//	vectors out FILE     makes states for Rust to go on from, and prints what came out, a line a step
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	sendgate "sendgate.dev/go"
)

type object = map[string]any

// suites are all that there are: a file that is not named here, and a name without its file, both fail the runner.
var suites = []string{"address", "backoff", "calendar", "gate", "hold", "lease", "ledger", "limiter", "outcome"}

type vectorCase struct {
	ID      json.RawMessage
	Comment string
	Want    json.RawMessage
	Steps   []struct{ Want json.RawMessage }
	raw     json.RawMessage
}

// wanted is what a case wants, or what its steps want.
func (v vectorCase) wanted() any {
	if v.Want != nil {
		return v.Want
	}
	wants := []any{}
	for _, step := range v.Steps {
		wants = append(wants, step.Want)
	}
	return wants
}

// number reads a JSON number, or decimal digits in a string.
type number uint64

func (n *number) UnmarshalJSON(text []byte) error {
	value, err := strconv.ParseUint(strings.Trim(string(text), `"`), 10, 64)
	*n = number(value)
	return err
}

type step struct {
	Op        string
	Cost      uint32
	Now       number
	ChargedAt number `json:"charged_at"`
	Hex       string
}

// untyped is what the typed functions say of an operation they do not have; the case is answered as JSON.
var untyped = errors.New("no typed function for this step")

// typed counts the cases that went through the typed functions.
var typed int

func main() {
	var total, passed, failed int
	var err error
	what := "vectors"
	switch {
	case len(os.Args) == 2:
		total, passed, failed, err = run(os.Args[1])
	case len(os.Args) == 3 && os.Args[1] == "in":
		what = "states from Rust"
		total, passed, failed, err = statesIn(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "out":
		if err = statesOut(os.Args[2]); err == nil {
			return
		}
	default:
		err = errors.New("usage: vectors DIRECTORY | in FILE | out FILE")
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	if passed+failed != total {
		fmt.Printf("the files hold %d cases\n", total)
	}
	fmt.Println("of them through the typed functions as well:", typed)
	fmt.Printf("%s: %d passed, %d failed, 0 skipped\n", what, passed, failed)
	if passed != total || total == 0 {
		os.Exit(1)
	}
}

// statesIn runs the cases of a file through the typed functions alone.
func statesIn(file string) (total, passed, failed int, err error) {
	cases, err := load(file, "limiter")
	for _, vector := range cases {
		if matches("limiter", vector, limiter) {
			passed++
		} else {
			failed++
		}
	}
	return len(cases), passed, failed, err
}

func statesOut(file string) error {
	cases, err := load(file, "limiter")
	if err != nil {
		return err
	}
	for _, vector := range cases {
		answers, err := limiter(vector)
		if err != nil {
			return err
		}
		fmt.Println("case", strings.Trim(string(vector.ID), `"`))
		for _, answer := range answers.([]any) {
			text, err := json.Marshal(answer)
			if err != nil {
				return err
			}
			fmt.Println(string(text))
		}
	}
	return nil
}

func run(directory string) (total, passed, failed int, err error) {
	if err = sameSuites(directory); err != nil {
		return
	}
	for _, suite := range suites {
		cases, err := load(filepath.Join(directory, suite+".json"), suite)
		if err != nil {
			return total, passed, failed, err
		}
		total += len(cases)
		for _, vector := range cases {
			if holds(suite, vector) {
				passed++
			} else {
				failed++
			}
		}
	}
	return
}

func sameSuites(directory string) error {
	files, err := filepath.Glob(filepath.Join(directory, "*.json"))
	found := []string{}
	for _, file := range files {
		if name := filepath.Base(file); !strings.Contains(name, ".schema.") {
			found = append(found, strings.TrimSuffix(name, ".json"))
		}
	}
	if slices.Sort(found); !slices.Equal(found, suites) {
		return fmt.Errorf("%s holds %v, the runner knows %v", directory, found, suites)
	}
	return err
}

func load(path, suite string) ([]vectorCase, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Suite string
		Total int
		Cases []json.RawMessage
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file.Suite != suite || len(file.Cases) == 0 || file.Total != len(file.Cases) {
		return nil, fmt.Errorf("%s is not the suite %s, empty, or says another total than it holds", path, suite)
	}
	cases := make([]vectorCase, len(file.Cases))
	for i, raw := range file.Cases {
		if err := json.Unmarshal(raw, &cases[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		cases[i].raw = raw
	}
	return cases, nil
}

// holds compares what every engine that knows the case answers with what it wants.
func holds(suite string, vector vectorCase) bool {
	good := matches(suite, vector, func(v vectorCase) (any, error) { return evaluate(suite, v) })
	switch suite {
	case "limiter":
		return matches(suite, vector, limiter) && good
	case "backoff":
		return matches(suite, vector, backoff) && good
	}
	return good
}

func matches(suite string, vector vectorCase, engine func(vectorCase) (any, error)) bool {
	got, err := engine(vector)
	if errors.Is(err, untyped) {
		return true
	}
	if err == nil && reflect.DeepEqual(canonical(got), canonical(vector.wanted())) {
		return true
	}
	text, _ := json.Marshal(got)
	want, _ := json.Marshal(vector.wanted())
	fmt.Printf("%s %s (%s): %v\n  want %s\n  got  %s\n", suite, vector.ID, vector.Comment, err, want, text)
	return false
}

// canonical turns anything into JSON's own values, numbers kept digit by digit.
func canonical(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return err
	}
	return plain
}

func evaluate(suite string, vector vectorCase) (any, error) {
	answer, err := Evaluate(suite, string(vector.raw))
	return json.RawMessage(answer), err
}

func backoff(vector vectorCase) (any, error) {
	var asked struct {
		Policy       backoffPolicy
		Attempts     uint32
		Hint         *number
		Entropy, Now number
	}
	if err := json.Unmarshal(vector.raw, &asked); err != nil {
		return nil, err
	}
	typed++
	return backoffNext(asked.Policy, asked.Attempts, (*uint64)(asked.Hint), uint64(asked.Entropy), uint64(asked.Now))
}

func limiter(vector vectorCase) (any, error) {
	var asked struct {
		Policy json.RawMessage
		Steps  []step
	}
	if err := json.Unmarshal(vector.raw, &asked); err != nil {
		return nil, err
	}
	for _, step := range asked.Steps {
		if step.Op == "up_to" || step.Op == "migrate" {
			return nil, untyped
		}
	}
	typed++
	made, err := sendgate.NewLimiter(string(asked.Policy))
	if err != nil {
		return object{"error": code(err)}, nil
	}
	defer made.Close()
	var policy struct{ Windows []struct{ Name string } }
	if err := json.Unmarshal(asked.Policy, &policy); err != nil {
		return nil, err
	}
	names := []string{}
	for _, window := range policy.Windows {
		names = append(names, window.Name)
	}
	answers := []any{}
	for _, step := range asked.Steps {
		answer, err := perform(made, step, names)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func perform(made *sendgate.Limiter, step step, names []string) (any, error) {
	now := at(uint64(step.Now))
	switch step.Op {
	case "decide":
		decision, err := made.Decide(step.Cost, now)
		return shapeDecision(decision, names), err
	case "peek":
		decision, err := made.Peek(step.Cost, now)
		return shapeDecision(decision, names), err
	case "charge":
		chargedAt, err := made.Charge(step.Cost, now)
		return object{"charged_at": millis(chargedAt)}, err
	case "refund":
		return object{"refunded": true}, made.Refund(step.Cost, at(uint64(step.ChargedAt)), now)
	case "usage":
		windows, err := made.Usage(now)
		return shapeUsage(windows), err
	case "state":
		state, err := made.State()
		return object{"hex": hex.EncodeToString(state)}, err
	case "load":
		state, err := hex.DecodeString(step.Hex)
		if err != nil {
			return nil, err
		}
		if err := made.Load(state); err != nil {
			return object{"error": code(err)}, nil
		}
		return object{"loaded": true}, nil
	}
	return nil, fmt.Errorf("unknown step %q", step.Op)
}
