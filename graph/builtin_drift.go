package graph

import "strconv"

// The tests of DRIFT_DETECTOR.
const (
	TestKS   = "ks"
	TestPSI  = "psi"
	TestChi2 = "chi2"
)

func driftParameters() []Declaration {
	return []Declaration{
		{Name: "test", Type: StringParameter, Default: TestKS, Choices: []string{TestKS, TestPSI, TestChi2},
			Words: "what decides: Kolmogorov-Smirnov, the population stability index or chi-squared; of words, chi-squared does in place of Kolmogorov-Smirnov"},
		{Name: "alpha", Type: FloatParameter, Default: "0.001", Bounds: Bounds{Set: true, Most: 1, Above: true, Below: true},
			Words: "the chance of a window of ordinary rows to be taken for drift, over all features together"},
		{Name: "threshold", Type: FloatParameter, Default: "0", Bounds: atLeast(0), Words: "what the statistic of a feature has to be above, besides"},
		{Name: "window", Type: IntParameter, Default: "200", Bounds: between(20, 1e6), Words: "rows of a window"},
		{Name: "seconds", Type: FloatParameter, Bounds: positive(), Words: "a window ends so long after its first row as well, if it has `least` rows by then, or with the row that makes them so many"},
		{Name: "least", Type: IntParameter, Default: "50", Bounds: between(20, 1e6), Words: "rows that a window has at least which ends by time"},
		{Name: "warmup", Type: IntParameter, Default: "1000", Bounds: between(100, 4096), Words: "rows that make the reference where there is no file: of requests, or of answers"},
		{Name: "answers", Type: BoolParameter, Default: "true", Words: "look at what the model answers too"},
		events("for each window that drifts"),
	}
}

// driftRules want a window by time to have no more rows than one by count.
func driftRules(n *Node) []Fault {
	least, _ := strconv.Atoi(n.Setting("least"))
	window, _ := strconv.Atoi(n.Setting("window"))
	if n.Setting("seconds") != "" && least > window {
		return []Fault{n.at("least", "is %d, more than the %d rows of a window", least, window)}
	}
	return eventsSomewhere(n)
}
