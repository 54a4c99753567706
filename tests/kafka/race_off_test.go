//go:build !race

package kafka

// buildFlags make an executor that looks for races when the tests do.
var buildFlags []string
