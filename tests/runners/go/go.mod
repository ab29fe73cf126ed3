module sendgate/tests/runners/go

go 1.21

require sendgate.dev/go v0.0.0

replace sendgate.dev/go => ../../../go
