//go:build !race

package graph

// raceDetector is on where sync.Pool drops values at random, which makes
// allocation counts meaningless.
const raceDetector = false
