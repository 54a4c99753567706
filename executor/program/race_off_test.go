//go:build !race

package program

// raceDetector is on where sync.Pool drops values at random, which makes
// allocation counts meaningless.
const raceDetector = false
