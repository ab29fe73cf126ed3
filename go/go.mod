module sendgate.dev/go

go 1.21
