module sendgate/tests/runners/go

go 1.21
