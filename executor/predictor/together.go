package predictor

import (
	"sync"

	"github.com/prime-radiant/radiant/executor/policy"
)

// together runs f for 0 to n-1 at once and returns what each returned. A panic
// becomes an error, since on a goroutine of its own it would end the process.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					errs[i] = policy.Recovered(v)
				}
			}()
			errs[i] = f(i)
		})
	}
	wait.Wait()
	return errs
}
