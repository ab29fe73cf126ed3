module sendgate/bench/go

go 1.21

require (
	golang.org/x/time v0.9.0
	sendgate.dev/go v0.0.0
)

replace sendgate.dev/go => ../../go
