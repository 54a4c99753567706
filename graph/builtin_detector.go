package graph

import "net/url"

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

// EventsParameter says where events of what a node finds go; DefaultEvents is where
// payload events do.
const (
	EventsParameter = "events"
	DefaultEvents   = "default"
)

func events(when string) Declaration {
	return Declaration{Name: EventsParameter, Type: StringParameter, Words: "where a CloudEvent goes " + when + ": a URL, or `default` for where payload events go; without it there are none"}
}

// eventsSomewhere wants events to have a place to go to.
func eventsSomewhere(n *Node) []Fault {
	to := n.Setting(EventsParameter)
	u, err := url.Parse(to)
	if to == "" || to == DefaultEvents || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return nil
	}
	return []Fault{n.at(EventsParameter, "is %q; want an http or https URL, or %s", to, DefaultEvents)}
}

func warmup(words string) Declaration {
	return Declaration{Name: "warmup", Type: IntParameter, Default: "100", Bounds: between(2, 1e6), Words: words}
}

func mahalanobisParameters() []Declaration {
	return []Declaration{
		decide(), tag(), events("for each request with an outlier"),
		{Name: "threshold", Type: FloatParameter, Bounds: positive(), Words: "the score above which a row is an outlier; without it the `quantile` decides"},
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
		decide(), tag(), events("for each request with an outlier"),
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
		decide(), tag(), events("for each request with an outlier"),
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
		decide(), tag(), events("for each request with an outlier"),
		{Name: "measure", Type: StringParameter, Default: MeasureConfidence, Choices: []string{MeasureConfidence, MeasureMargin, MeasureEntropy, MeasureEnergy},
			Words: "what is made of the model's scores of one row"},
		{Name: "threshold", Type: FloatParameter, Required: true, Words: "the score above which a row is an outlier"},
		{Name: "logits", Type: BoolParameter, Default: "false", Words: "the model answers logits and not probabilities"},
		{Name: "temperature", Type: FloatParameter, Default: "1", Bounds: positive(), Words: "what logits are divided by"},
	}
}

func mahalanobisRules(n *Node) []Fault { return append(decidesRules(n), learnsSomething(n)...) }

func quantileRules(n *Node) []Fault { return append(decidesRules(n), learnsSomething(n)...) }

// forestRules want a forest.
func forestRules(n *Node) []Fault {
	faults := decidesRules(n)
	if n.ModelURI == "" {
		faults = append(faults, Fault{Field: "modelUri", Message: "is missing: " + n.Implementation + " needs the folder of " + forestFile})
	}
	return faults
}

func scoreRules(n *Node) []Fault {
	faults := decidesRules(n)
	if n.Setting("measure") == MeasureEnergy && n.Setting("logits") != "true" {
		faults = append(faults, n.at("measure", "is energy, which is made of logits: set logits to true"))
	}
	return faults
}

// decidesRules are those of all detectors.
func decidesRules(n *Node) []Fault { return append(routesSomewhere(n), eventsSomewhere(n)...) }

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
