package graph

// The decisions of a detector.
const (
	// DecideTag says in the answer that there is an outlier.
	DecideTag = "tag"
	// DecideReject refuses the request.
	DecideReject = "reject"
	// DecideRoute sends the request to the second child.
	DecideRoute = "route"
)

func decide() Declaration {
	return Declaration{
		Name: "decide", Type: StringParameter, Default: DecideTag, Choices: []string{DecideTag, DecideReject, DecideRoute},
		Words: "what becomes of an outlier: `tag` says so in the answer, `reject` refuses the request, `route` sends it to the second child",
	}
}

func tag() Declaration {
	return Declaration{Name: "tag", Type: StringParameter, Default: "outlier", Words: "begins the names of the tags, so that those of several detectors can be told apart"}
}

func warmup(words string) Declaration {
	return Declaration{Name: "warmup", Type: IntParameter, Default: "100", Bounds: between(2, 1e6), Words: words}
}

func mahalanobisParameters() []Declaration {
	return []Declaration{
		decide(), tag(),
		{Name: "threshold", Type: FloatParameter, Bounds: above(0), Words: "the score above which a row is an outlier; without it the `quantile` decides"},
		{Name: "quantile", Type: FloatParameter, Default: "0.999", Bounds: Bounds{Set: true, Least: 0.5, Most: 1, Below: true},
			Words: "the share of ordinary rows that are below the threshold, if features are distributed normally"},
		{Name: "components", Type: IntParameter, Bounds: between(1, 4096), Words: "how many principal components are looked at; without it the whole distance"},
		{Name: "shrinkage", Type: FloatParameter, Default: "0.001", Bounds: between(0, 1), Words: "how far the covariance is drawn to that of equal, independent features"},
		{Name: "decay", Type: FloatParameter, Default: "1", Bounds: Bounds{Set: true, Most: 1, Above: true}, Words: "the weight that a row keeps with each row after it; 1: all rows count the same"},
		warmup("rows that are learnt before any is judged"),
		{Name: "learn", Type: BoolParameter, Words: "learn from the rows that pass and are no outliers; without it, if there is no modelUri"},
	}
}

func quantileParameters() []Declaration {
	return []Declaration{
		decide(), tag(),
		{Name: "low", Type: FloatParameter, Default: "0.25", Bounds: Bounds{Set: true, Most: 0.5, Below: true}, Words: "the quantile of a feature that its lower fence is measured from"},
		{Name: "high", Type: FloatParameter, Default: "0.75", Bounds: Bounds{Set: true, Least: 0.5, Most: 1, Above: true}, Words: "the quantile that its upper fence is measured from"},
		{Name: "reach", Type: FloatParameter, Default: "3", Bounds: atLeast(0), Words: "how far beyond them a fence is, in distances between the two"},
		{Name: "least", Type: IntParameter, Default: "1", Bounds: between(1, 16), Words: "how many features of a row have to be beyond their fences for it to be an outlier"},
		warmup("rows that are learnt before any is judged"),
		{Name: "learn", Type: BoolParameter, Words: "learn from the rows that pass and are no outliers; without it, if there is no modelUri"},
	}
}

func forestParameters() []Declaration {
	return []Declaration{
		decide(), tag(),
		{Name: "threshold", Type: FloatParameter, Bounds: between(0, 1), Words: "the score above which a row is an outlier; without it that of the file"},
	}
}

// The measures of SCORE_DETECTOR.
const (
	MeasureConfidence = "confidence"
	MeasureMargin     = "margin"
	MeasureEntropy    = "entropy"
	MeasureEnergy     = "energy"
)

func scoreParameters() []Declaration {
	return []Declaration{
		decide(), tag(),
		{Name: "measure", Type: StringParameter, Default: MeasureConfidence, Choices: []string{MeasureConfidence, MeasureMargin, MeasureEntropy, MeasureEnergy},
			Words: "what is made of the model's scores of one row"},
		{Name: "threshold", Type: FloatParameter, Required: true, Words: "the score above which a row is an outlier"},
		{Name: "logits", Type: BoolParameter, Default: "false", Words: "the model answers logits and not probabilities"},
		{Name: "temperature", Type: FloatParameter, Default: "1", Bounds: above(0), Words: "what logits are divided by"},
	}
}

func mahalanobisRules(n *Node) []Fault { return append(routesSomewhere(n), learnsSomething(n)...) }

func quantileRules(n *Node) []Fault { return append(routesSomewhere(n), learnsSomething(n)...) }

// forestRules want a forest.
func forestRules(n *Node) []Fault {
	faults := routesSomewhere(n)
	if n.ModelURI == "" {
		faults = append(faults, Fault{Field: "modelUri", Message: "is missing: " + n.Implementation + " needs the folder of forest.json"})
	}
	return faults
}

func scoreRules(n *Node) []Fault {
	faults := routesSomewhere(n)
	if n.Setting("measure") == MeasureEnergy && n.Setting("logits") != "true" {
		faults = append(faults, n.at("measure", "is energy, which is made of logits: set logits to true"))
	}
	return faults
}

// routesSomewhere wants a second child for outliers that are routed, and none
// that never gets a request.
func routesSomewhere(n *Node) []Fault {
	routes := n.Setting("decide") == DecideRoute
	switch {
	case routes && len(n.Children) != 2:
		return []Fault{n.at("decide", "is route: %q needs two children, the second one for outliers, and has %d", n.Name, len(n.Children))}
	case !routes && len(n.Children) == 2:
		return []Fault{{Field: "children", Message: "the second one is for outliers, and gets none: set the parameter decide to route, or leave it out"}}
	}
	return nil
}

// learnsSomething wants a reference or rows to learn from.
func learnsSomething(n *Node) []Fault {
	if learn, ok := n.Parameter("learn"); ok && learn == "false" && n.ModelURI == "" {
		return []Fault{n.at("learn", "is false, and there is no modelUri with a reference: the node would know nothing")}
	}
	return nil
}
