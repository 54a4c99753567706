package scaling

// Since is the load that came after an earlier one of the same program, as an
// average over the seconds in between, in the metric that is asked for.
func (l Load) Since(before Load, seconds float64, metric Metric) float64 {
	switch {
	case seconds <= 0:
		return 0
	case metric == RPS:
		return float64(l.Requests-before.Requests) / seconds
	}
	return max(l.BusySeconds-before.BusySeconds, 0) / seconds
}
