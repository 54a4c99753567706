package scaling

// PathReport is where executors (at their HTTP port) and activators (at their
// admin port) answer GET with a [Report] as JSON.
const PathReport = "/scaling"

// PathWakes is where an activator answers GET, at its admin port, with a stream
// without end of [Wake]s as JSON, each on a line of its own: first one for each
// front that has requests waiting and no pod, then one whenever that becomes
// so. An empty line comes at least every 15 s. Who reads it may be several, and
// each gets all.
const PathWakes = "/scaling/wakes"

// HeaderReach asks, on a GET of a front's [Front.ReadyPath] or a call of [HealthCheck], no
// more than whether requests come this far. An activator answers it itself, with 200 or
// SERVING, and has no pod made for it; to an executor it says nothing.
const HeaderReach = "Radiant-Reach"

// HealthCheck is the path of gRPC's own health check, grpc.health.v1, which executors answer.
const HealthCheck = "/grpc.health.v1.Health/Check"

// HealthServing is its answer SERVING as gRPC frames it: five bytes of length, and field 1
// with the value 1.
const HealthServing = "\x00\x00\x00\x00\x02\x08\x01"

// Load is what there was of requests since the program began. Whoever asks
// takes differences of two reports, so that any number may ask.
type Load struct {
	// InFlight are the requests at this moment.
	InFlight int64 `json:"inFlight"`
	// BusySeconds is the sum, over all requests, of the time that each has been
	// under way, so its growth in a second is the average of InFlight in it.
	BusySeconds float64 `json:"busySeconds"`
	// Requests that came, those under way among them.
	Requests uint64 `json:"requests"`
}

// Report is what a program tells of its requests.
type Report struct {
	// Started names the run of the program: another one begins with all sums 0.
	Started string `json:"started"`
	// Seconds since then, by a clock that is never set.
	Seconds float64 `json:"seconds"`
	// Predictor, of an executor: requests to its predictor.
	Predictor Load `json:"predictor,omitzero"`
	// Nodes, of an executor: calls on nodes in other pods, by the node's name.
	Nodes map[string]Load `json:"nodes,omitempty"`
	// Fronts, of an activator: requests that it keeps and has not handed to a
	// pod yet, by namespace/name of the Service.
	Fronts map[string]Load `json:"fronts,omitempty"`
	// Ports, of an activator: where it takes requests to which front, by
	// namespace/name of the Service.
	Ports map[string]int32 `json:"ports,omitempty"`
}

// Wake says that a request waits at a front that has no pod.
type Wake struct {
	// Front is namespace/name of the Service.
	Front string `json:"front"`
	// By is what came: REST or gRPC.
	By string `json:"by"`
}
