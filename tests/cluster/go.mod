module github.com/prime-radiant/radiant/tests/cluster

go 1.26.0
