package openapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// operation is one entry below a path.
type operation struct {
	tag          string
	path, method string
	content      object
}

// The headings of a document, in their order.
const (
	tagPredict  = "Predictions"
	tagFeedback = "Feedback"
	tagModels   = "Models"
	tagHealth   = "Health"
	tagOthers   = "Other paths"
)

var headings = [...]struct{ name, description string }{
	{tagPredict, "Ask for a prediction."},
	{tagFeedback, "Tell how good a prediction was."},
	{tagModels, "What the models say of themselves."},
	{tagHealth, "For probes and load balancers."},
	{tagOthers, "The same under other paths, for clients that know them."},
}

func tags(operations []operation) list {
	var all list
	for _, h := range headings {
		if slices.ContainsFunc(operations, func(o operation) bool { return o.tag == h.name }) {
			all = append(all, object{{"name", h.name}, {"description", h.description}})
		}
	}
	return all
}

// paths groups operations by path, in the order of the headings.
func paths(operations []operation) object {
	var all object
	for _, h := range headings {
		for _, o := range operations {
			if o.tag != h.name {
				continue
			}
			item := member{o.method, o.content}
			if i := slices.IndexFunc(all, func(m member) bool { return m.key == o.path }); i >= 0 {
				all[i].value = all[i].value.(object).with(item)
			} else {
				all = append(all, member{o.path, object{item}})
			}
		}
	}
	return all
}

// operations describes every operation that is served.
func (b *builder) operations() []operation {
	var all []operation
	table := descriptions()
	for _, r := range b.graph.Protocol.Served() {
		if r.Action == protocol.Docs || r.Verb != "" && !b.verbs() {
			continue
		}
		if r.Action >= protocol.RepositoryIndex && !slices.Contains(b.graph.Repository, r.Action) {
			continue
		}
		describe, ok := table[r.Action]
		if !ok {
			describe = describeOther
		}
		d, ok := describe(b, r)
		place := versionPlace(r.Path)
		if place == placeNumber {
			d.names = slices.DeleteFunc(d.names, b.unnumbered)
			ok = ok && len(d.names) > 0
		}
		if ok {
			all = append(all, b.named(r, place, d))
		}
	}
	return all
}

// unnumbered reports whether a node's server tells of versions, and none of them is
// a number.
func (b *builder) unnumbered(node string) bool {
	versions := b.versionsOf(node)
	return len(versions) > 0 && !slices.ContainsFunc(versions, isNumber)
}

// versionsOf are the versions of a node's model, as far as they are known.
func (b *builder) versionsOf(node string) []string {
	for i := range b.graph.Nodes {
		if b.graph.Nodes[i].Name == node {
			return b.graph.Nodes[i].Versions
		}
	}
	return nil
}

func isNumber(version string) bool { return version != "" && strings.Trim(version, "0123456789") == "" }

// unique makes an operationId of what is one already in this document.
func (b *builder) unique(id string) string {
	for n, first := 2, id; b.ids[id]; n++ {
		id = first + "_" + strconv.Itoa(n)
	}
	b.ids[id] = true
	return id
}

// described is what an action says of an operation.
type described struct {
	tag, id, summary, description string
	// names are what {model} may be.
	names         []string
	parameters    list
	body, answers any
	deprecated    bool
}

// descriptions is the table of what describes the operations, by their action.
func descriptions() map[protocol.Action]func(*builder, protocol.Operation) (described, bool) {
	return map[protocol.Action]func(*builder, protocol.Operation) (described, bool){
		protocol.Predict:        describePredict,
		protocol.Feedback:       describeFeedback,
		protocol.Status:         describeStatus,
		protocol.Metadata:       describeMetadata,
		protocol.Config:         describeExtra,
		protocol.Statistics:     describeExtra,
		protocol.GraphMetadata:  describeGraph,
		protocol.ServerMetadata: describeServer,
		protocol.Live:           describeHealth,
		protocol.Ready:          describeHealth,

		protocol.RepositoryIndex:  describeRepository,
		protocol.RepositoryLoad:   describeRepository,
		protocol.RepositoryUnload: describeRepository,
	}
}

// named puts the names of models into an operation's path: the name itself where
// there is only one. What says which version is meant, at a place of that name, has
// one name in a document.
func (b *builder) named(r protocol.Operation, place string, d described) operation {
	path, parameters := strings.Replace(r.Path, "{"+place+"}", "{"+placeVersion+"}", 1), d.parameters
	if strings.Contains(path, "{model}") {
		if len(d.names) == 1 {
			path = strings.ReplaceAll(path, "{model}", url.PathEscape(d.names[0]))
		} else {
			var names list
			for _, n := range d.names {
				names = append(names, n)
			}
			parameters = append(list{pathParameter("model", "name of the node", object{{"type", "string"}, {"enum", names}}, d.names[0])}, parameters...)
		}
	}
	if place != "" {
		parameters = append(list{b.versionParameter(place, d.names)}, parameters...)
	}
	method := strings.ToLower(r.Method)
	if method == "" {
		method = "get"
	}
	if d.id == "" {
		d.id = identifier(method + path)
	}
	o := object{{"tags", list{d.tag}}, {"summary", d.summary}}
	if d.description != "" {
		o = append(o, member{"description", d.description})
	}
	o = append(o, member{"operationId", b.unique(d.id)})
	if len(parameters) > 0 {
		o = append(o, member{"parameters", parameters})
	}
	if d.body != nil {
		o = append(o, member{"requestBody", d.body})
	}
	o = append(o, member{"responses", d.answers})
	if d.deprecated {
		o = append(o, member{"deprecated", true})
	}
	return operation{tag: d.tag, path: path, method: method, content: o}
}

// identifier makes an operationId, which has to be a name in many languages.
func identifier(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "_")
}

func pathParameter(name, description string, schema object, example any) object {
	return object{{"name", name}, {"in", "path"}, {"required", true}, {"description", description}, {"schema", schema}, {"example", example}}
}

// What stands in a path for a model's version: any version, one that is a number, or
// a label.
const (
	placeVersion = "version"
	placeNumber  = "number"
	placeLabel   = "label"
)

// versionPlace is the name of what stands in a path for a model's version; empty:
// nothing does.
func versionPlace(path string) string {
	for _, place := range []string{placeVersion, placeNumber, placeLabel} {
		if strings.Contains(path, "{"+place+"}") {
			return place
		}
	}
	return ""
}

// versionParameter says which version of a model is meant. Its example is one that
// the first of the nodes has, as far as its versions are known.
func (b *builder) versionParameter(place string, nodes []string) object {
	text := object{{"type", "string"}}
	if place == placeLabel {
		return pathParameter(placeVersion, "a label of a version", text, "stable")
	}
	version := "1"
	if len(nodes) > 0 {
		all := b.versionsOf(nodes[0])
		if i := slices.IndexFunc(all, func(v string) bool { return place != placeNumber || isNumber(v) }); i >= 0 {
			version = all[i]
		}
	}
	return pathParameter(placeVersion, "version of the model", text, version)
}

func (b *builder) versionText() string {
	for _, n := range b.graph.Nodes {
		if n.Speaks != "" && !n.Foreign && len(n.Versions) == 0 {
			return "No version is known of the model."
		}
	}
	return ""
}

func ref(to string) object { return object{{"$ref", "#/components/" + to}} }

func puidParameter() object {
	return object{
		{"name", "Seldon-Puid"}, {"in", "header"}, {"required", false},
		{"description", "names this request in logs; without it a new name is made"},
		{"schema", object{{"type", "string"}}},
	}
}

// predictors are those of which a request may name one: all, if there are several.
func (b *builder) predictors() (names list) {
	if len(b.graph.Shares) < 2 {
		return nil
	}
	for _, s := range b.graph.Shares {
		names = append(names, s.Name)
	}
	return names
}

// parameters are those that operations share.
func (b *builder) parameters() object {
	all := object{{"Puid", puidParameter()}}
	if names := b.predictors(); names != nil {
		all = append(all, member{"Predictor", object{
			{"name", protocol.HeaderPredictor}, {"in", "header"}, {"required", false},
			{"description", "the predictor that is to answer; without it they share the requests"},
			{"schema", object{{"type", "string"}, {"enum", names}}},
		}})
	}
	return all
}

// common are the parameters of a prediction and of feedback.
func (b *builder) common() list {
	all := list{ref("parameters/Puid")}
	if b.predictors() != nil {
		all = append(all, ref("parameters/Predictor"))
	}
	return all
}

func puidHeader() object {
	return object{{"description", "the name of the request"}, {"schema", object{{"type", "string"}}}}
}

// success is the answers of an operation: 200 with this content, or a failure.
func success(description string, content object) object {
	return object{
		{"200", object{{"description", description}, {"headers", object{{"Seldon-Puid", ref("headers/Puid")}}}}.with(member{"content", content})},
		{"default", ref("responses/Failure")},
	}
}

func jsonContent(of object) object { return object{{"application/json", of}} }

func schemaContent(name string) object {
	return jsonContent(object{{"schema", ref("schemas/" + name)}})
}

func describePredict(b *builder, r protocol.Operation) (described, bool) {
	named := strings.Contains(r.Path, "{model}")
	d := described{
		tag: tagOthers, summary: "Predict", names: b.modelNames(), parameters: b.common(),
		body: ref("requestBodies/Predict"), answers: object{{"200", ref("responses/Predict")}, {"default", ref("responses/Failure")}},
	}
	if named && b.single {
		d.names = []string{b.model}
	}
	switch {
	case r.Verb != "":
		d.tag, d.summary = tagOthers, strings.ToUpper(r.Verb[:1])+r.Verb[1:]
		d.description = "For models with a signature of this kind; others refuse it. What the features are, only the model's makers know."
		d.body, d.answers = ref("requestBodies/Examples"), success("the results", jsonContent(object{{"schema", object{{"type", "object"}}}}))
	case b.main(r):
		d.tag, d.id, d.description = tagPredict, "Predict", b.inputText()
	case named && !b.single:
		d.description = "The name goes to every model of the graph, so that this works where all of them have it."
	case versionPlace(r.Path) != "":
		d.description = b.versionText()
	case strings.HasPrefix(r.Path, "/api/v0.1/"):
		d.deprecated = true
	case !named:
		d.description = "The models are asked by the names of their nodes."
	}
	return d, true
}

// main reports whether an operation is the one that clients should use.
func (b *builder) main(r protocol.Operation) bool {
	if b.single && b.words.predictPath != "" {
		return r.Path == b.words.predictPath
	}
	return r.Path == b.words.namelessPath
}

func describeFeedback(b *builder, r protocol.Operation) (described, bool) {
	d := described{
		tag: tagFeedback, id: "SendFeedback", summary: "Send a reward", parameters: b.common(),
		description: b.feedbackText(), body: ref("requestBodies/Feedback"),
		answers: success("what the root of the graph answers, or the feedback itself where it takes none",
			jsonContent(object{{"schema", object{{"type", "object"}}}, {"example", object{{"meta", object{}}}}})),
	}
	if strings.HasPrefix(r.Path, "/api/v0.1/") {
		d.tag, d.id, d.deprecated = tagOthers, "", true
	}
	return d, true
}

func (b *builder) modelNames() []string {
	var names []string
	for _, n := range b.graph.Nodes {
		if n.Speaks != "" {
			names = append(names, n.Name)
		}
	}
	return names
}

// describeModel is what the questions about one model have in common; ok is
// false in a graph without any.
func describeModel(b *builder, r protocol.Operation, summary, schema string) (described, bool) {
	d := described{tag: tagModels, summary: summary, names: b.modelNames(), answers: success("what the model's server tells", schemaContent(schema))}
	switch {
	case versionPlace(r.Path) != "":
		d.tag, d.description = tagOthers, b.versionText()
	case strings.HasPrefix(r.Path, "/api/v0.1/"):
		d.tag, d.deprecated = tagOthers, true
	}
	return d, len(d.names) > 0
}

func describeStatus(b *builder, r protocol.Operation) (described, bool) {
	return describeModel(b, r, "Status of a model", "Anything")
}

func describeMetadata(b *builder, r protocol.Operation) (described, bool) {
	d, ok := describeModel(b, r, "Metadata of a model", "ModelMetadata")
	mute := b.mute()
	d.names = slices.DeleteFunc(d.names, func(name string) bool { return slices.Contains(mute, name) })
	d.names = append(d.names, mute...)
	d.description += b.muteText()
	return d, ok
}

// mute are the nodes whose servers have no metadata.
func (b *builder) mute() []string {
	var names []string
	for _, n := range b.graph.Nodes {
		if n.Mute {
			names = append(names, n.Name)
		}
	}
	return names
}

func (b *builder) muteText() string {
	if names := b.mute(); len(names) > 0 {
		return "Fails where a server has no metadata: " + code(strings.Join(names, ", ")) + "."
	}
	return ""
}

// describeExtra is for what only some servers have.
func describeExtra(b *builder, r protocol.Operation) (described, bool) {
	d, ok := describeModel(b, r, "Configuration of a model", "Anything")
	if r.Action == protocol.Statistics {
		d.summary = "Statistics of a model"
	}
	d.tag, d.description = tagOthers, "Where the model's server has it; Triton does."
	d.names = nil
	for _, n := range b.graph.Nodes {
		if n.Speaks != "" && !n.Foreign {
			d.names = append(d.names, n.Name)
		}
	}
	return d, ok && len(d.names) > 0
}

// describeRepository is for what the executor passes on where a setting allows it.
func describeRepository(b *builder, r protocol.Operation) (described, bool) {
	summaries := map[protocol.Action]string{
		protocol.RepositoryIndex: "Models of the server", protocol.RepositoryLoad: "Load a model", protocol.RepositoryUnload: "Unload a model",
	}
	d, ok := describeExtra(b, r)
	d.summary, d.description = summaries[r.Action], "Where the model's server has it: MLServer and Triton do."
	return d, ok
}

func describeGraph(b *builder, _ protocol.Operation) (described, bool) {
	text := "All models, and what goes into and comes out of the graph as a whole. " + b.muteText()
	return described{tag: tagModels, summary: "Metadata of the graph", description: strings.TrimSpace(text),
		answers: success("the metadata", schemaContent("GraphMetadata"))}, true
}

func describeServer(*builder, protocol.Operation) (described, bool) {
	return described{tag: tagModels, summary: "Metadata of the server", answers: success("name, version and extensions", schemaContent("ServerMetadata"))}, true
}

func describeHealth(_ *builder, r protocol.Operation) (described, bool) {
	d := described{tag: tagHealth, summary: "Does the executor run?", answers: object{{"200", object{{"description", "it does"}}}}}
	if r.Action == protocol.Ready {
		d.summary = "Can requests be served?"
		d.answers = object{{"200", object{{"description", "yes"}}}, {"503", object{{"description", "some node of the graph is not there"}}}}
	}
	return d, true
}

// describeOther is for operations that have no words of their own yet.
func describeOther(_ *builder, r protocol.Operation) (described, bool) {
	return described{tag: tagOthers, summary: r.Path, answers: success("done", nil)}, r.Method == http.MethodGet || r.Method == ""
}
