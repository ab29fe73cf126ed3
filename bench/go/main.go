// What a decision costs from Go, beside five of golang.org/x/time/rate's limiters in the same process, in turns. A line a
// figure: NAME UNIT OURS RIVAL-FIGURE RIVAL
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"
	sendgate "sendgate.dev/go"
)

const (
	rounds = 15
	// Far above what a round asks for: nobody is denied, and all five windows are walked for every decision.
	limit = 1_000_000_000
	batch = 1000
)

var periods = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}

// ours is a limiter of five windows.
func ours() *sendgate.Limiter {
	windows := []string{}
	for i, period := range periods {
		windows = append(windows, fmt.Sprintf(`{"kind":"sliding","name":"w%d","limit":%d,"period_ms":%d}`, i, limit, period.Milliseconds()))
	}
	limiter, err := sendgate.NewLimiter(`{"windows":[` + strings.Join(windows, ",") + `]}`)
	if err != nil {
		log.Fatal(err)
	}
	return limiter
}

// theirs are five limiters, all of which have to allow.
func theirs() []*rate.Limiter {
	all := []*rate.Limiter{}
	for _, period := range periods {
		all = append(all, rate.NewLimiter(rate.Limit(limit/period.Seconds()), limit))
	}
	return all
}

func oneByOne(count int) int {
	limiter, now, allowed := ours(), time.UnixMilli(1800000000000), 0
	defer limiter.Close()
	for i := 0; i < count; i++ {
		if got, err := limiter.Decide(1, now); err == nil && got.Kind == sendgate.Allow {
			allowed++
		}
	}
	return allowed
}

func manyAtOnce(count int) int {
	limiter, now, allowed := ours(), time.UnixMilli(1800000000000), 0
	defer limiter.Close()
	costs := make([]uint32, batch)
	for i := range costs {
		costs[i] = 1
	}
	for done := 0; done < count; done += batch {
		all, err := limiter.DecideMany(costs, now)
		if err != nil {
			log.Fatal(err)
		}
		for _, got := range all {
			if got.Kind == sendgate.Allow {
				allowed++
			}
		}
	}
	return allowed
}

func byRate(count int) int {
	five, now, allowed := theirs(), time.UnixMilli(1800000000000), 0
	for i := 0; i < count; i++ {
		all := true
		for _, one := range five {
			all = one.AllowN(now, 1) && all
		}
		if all {
			allowed++
		}
	}
	return allowed
}

func nsEach(work func(int) int, count int) float64 {
	begin := time.Now()
	if work(count) != count {
		log.Fatal("a decision was not what was measured")
	}
	return float64(time.Since(begin).Nanoseconds()) / float64(count)
}

// race prints the medians of rounds in which each side has its turn.
func race(name string, ours, rival func(int) int, count int) {
	var ofOurs, ofRival []float64
	for i := 0; i < rounds; i++ {
		ofOurs = append(ofOurs, nsEach(ours, count))
		ofRival = append(ofRival, nsEach(rival, count))
	}
	slices.Sort(ofOurs)
	slices.Sort(ofRival)
	fmt.Printf("%s ns %.3f %.3f 5 x/time/rate\n", name, ofOurs[rounds/2], ofRival[rounds/2])
}

func main() {
	count := 1_000_000
	if len(os.Args) == 2 && os.Args[1] == "--quick" {
		count = 100_000
	}
	race("abi.go.decide", oneByOne, byRate, count)
	race("abi.go.decide_many", manyAtOnce, byRate, count)
}
