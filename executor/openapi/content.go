package openapi

import (
	"fmt"
	"strings"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// example is a message as it could be.
type example struct {
	// name is a key of the document's examples.
	name, summary string
	value         any
}

// examples are the document's, of requests and answers.
func (b *builder) examples() object {
	var all object
	for _, e := range b.requests {
		all = append(all, member{e.name, object{{"summary", e.summary}, {"value", e.value}}})
	}
	for _, e := range b.answers {
		all = append(all, member{"answer-" + e.name, object{{"summary", e.summary}, {"value", e.value}}})
	}
	return all
}

func exampleRefs(prefix string, examples []example) object {
	var all object
	for _, e := range examples {
		all = append(all, member{e.name, ref("examples/" + prefix + e.name)})
	}
	return all
}

// bodies are the requests.
func (b *builder) bodies() object {
	predict := object{{"schema", ref("schemas/" + b.words.predict)}, {"examples", exampleRefs("", b.requests)}}
	all := object{{"Predict", object{{"required", true}, {"content", jsonContent(predict).with(b.opaque()...)}}}}
	for _, r := range b.graph.Protocol.Served() {
		if r.Action == protocol.Feedback {
			feedback := object{{"schema", ref("schemas/Feedback")}, {"example", b.feedback()}}
			all = append(all, member{"Feedback", object{{"required", true}, {"content", jsonContent(feedback)}}})
			break
		}
	}
	if b.graph.Protocol.Name == "tensorflow" && b.verbs() {
		content := object{{"schema", ref("schemas/Examples")}, {"example", object{{"examples", list{object{{"feature", 1}}}}}}}
		all = append(all, member{"Examples", object{{"required", true}, {"content", jsonContent(content)}}})
	}
	return all
}

// opaque are contents other than JSON: a component of the seldon protocol is
// handed what the client sends.
func (b *builder) opaque() []member {
	if n := b.inputNode(); n.Speaks != "seldon" || n.Foreign {
		return nil
	}
	part := func(s object) object { return object{{"schema", s}} }
	text := object{{"type", "string"}}
	return []member{
		{"multipart/form-data", part(object{{"type", "object"}, {"properties", object{
			{"strData", text}, {"jsonData", text}, {"data", text}, {"meta", text}, {"binData", object{{"type", "string"}, {"format", "binary"}}},
		}}})},
		{"text/plain", part(text)},
		{"application/octet-stream", part(object{{"type", "string"}, {"format", "binary"}})},
	}
}

// responses are the answers.
func (b *builder) responses() object {
	puid := object{{"Seldon-Puid", ref("headers/Puid")}}
	answer := object{{"schema", ref("schemas/" + b.words.answer)}, {"examples", exampleRefs("answer-", b.answers)}}
	if b.echoes() {
		answer = object{{"schema", ref("schemas/Anything")}}
	}
	failure := object{{"schema", ref("schemas/Failure")}, {"example", b.failure()}}
	return object{
		{"Predict", object{{"description", "the prediction"}, {"headers", puid}, {"content", jsonContent(answer)}}},
		{"Failure", object{
			{"description", "400: the request cannot be read; 404: there is no such model; 413: too large; 500: a node failed, did not answer or took too long. " +
				"A node's own failure comes as the node wrote it."},
			{"headers", puid}, {"content", jsonContent(failure)},
		}},
	}
}

func (b *builder) failure() raw {
	return raw(b.graph.Protocol.Failure(500, fmt.Sprintf("node %q: predict: no answer", b.inputNode().Name)))
}

// feedback is an example of a reward for the way that the first request took.
func (b *builder) feedback() object {
	f := object{}
	if b.graph.Protocol.Name == "seldon" && (len(b.example) == 0 || total(b.example[0].Inputs) <= shownNumbers) {
		f = append(f, member{"request", b.requests[0].value})
	}
	var routing object
	for _, n := range b.graph.Nodes {
		if n.Routes {
			routing = append(routing, member{n.Name, 0})
		}
	}
	meta := object{}
	if len(routing) > 0 {
		meta = object{{"routing", routing}}
	}
	return append(f, member{"response", object{{"meta", meta}}}, member{"reward", 1})
}

func (b *builder) feedbackText() string {
	text := "A reward for a prediction: how good it was, as a number."
	if b.graph.Protocol.Name != "seldon" {
		return text + " Models of this protocol take no feedback; it is logged and answered with itself."
	}
	text += " `response.meta.routing` says which way the prediction took, so that the routers on it learn from it."
	for _, n := range b.graph.Nodes {
		if n.Foreign {
			return text + " Servers that speak another protocol than seldon take no feedback."
		}
	}
	return text
}

// overview introduces the deployment.
func (b *builder) overview() string {
	var s strings.Builder
	fmt.Fprintf(&s, "Deployment **%s** in namespace **%s**, predictor **%s**, through the %s.\n\n",
		plainText(b.names.Deployment), plainText(b.names.Namespace), plainText(b.names.Predictor), b.words.title)
	s.WriteString(b.tensorText())
	if len(b.graph.Nodes) > 1 {
		s.WriteString("\n\nThe graph:\n\n")
		for _, n := range b.graph.Nodes {
			fmt.Fprintf(&s, "%s- **%s**", strings.Repeat("  ", n.Depth), plainText(n.Name))
			if n.Type != "" {
				fmt.Fprintf(&s, ", %s", plainText(n.Type))
			}
			if n.Foreign {
				fmt.Fprintf(&s, ", speaks %s", n.Speaks)
			}
			s.WriteByte('\n')
		}
	}
	return s.String()
}

// tensorText is a table of what goes in and comes out, or why there is none.
func (b *builder) tensorText() string {
	n := b.inputNode()
	var outputs []Tensor
	if b.graph.Outputs == b.graph.Inputs || b.graph.Nodes[b.graph.Outputs].Answered {
		outputs = b.outputs()
	}
	switch {
	case len(b.input) > 0 || len(outputs) > 0:
	case n.Speaks == "":
		return "No model stands at the entry of this graph, so that nothing is known of its input. The examples are general."
	case !n.Answered:
		return fmt.Sprintf("The server of **%s** did not answer when this document was made, so that nothing is known of its input. "+
			"The examples are general. Load the page again once it is ready.", plainText(n.Name))
	default:
		return fmt.Sprintf("The server of **%s** does not describe its input. The examples are general, and have to be fitted to the model.", plainText(n.Name))
	}
	var s strings.Builder
	s.WriteString("| | name | type | shape |\n|---|---|---|---|\n")
	row := func(direction string, all []Tensor) {
		for _, t := range all {
			fmt.Fprintf(&s, "| %s | %s | %s | %s |\n", direction, code(t.label()), t.typeName(), shapeText(t.Shape))
		}
	}
	if len(b.input) > 0 {
		row("input", b.input[0].Inputs)
	}
	row("output", outputs)
	if n.Learned {
		s.WriteString("\nRead from the model's files, since its server does not tell.")
	}
	if len(b.graph.Nodes) > 1 {
		fmt.Fprintf(&s, "\nAs told by %s.", strings.Join(b.tellers(outputs), " and "))
	}
	return s.String()
}

// tellers are the nodes whose inputs and outputs are those of the graph.
func (b *builder) tellers(outputs []Tensor) []string {
	var names []string
	if len(b.input) > 0 {
		names = append(names, code(b.inputNode().Name)+" of the input")
	}
	if len(outputs) > 0 {
		names = append(names, code(b.graph.Nodes[b.graph.Outputs].Name)+" of the output")
	}
	return names
}

// inputText says in a sentence what a request takes.
func (b *builder) inputText() string {
	if len(b.input) == 0 {
		return b.tensorText()
	}
	text := "Takes " + sentence(b.input[0].Inputs)
	if outputs := b.outputs(); len(outputs) > 0 {
		text += ", gives " + sentence(outputs)
	}
	text += "."
	if total(b.input[0].Inputs) > sentNumbers {
		text += " That is too large for an example, which is shortened therefore."
	}
	return text
}

func sentence(all []Tensor) string {
	var parts []string
	for _, t := range all {
		parts = append(parts, strings.TrimSpace(code(t.label())+" "+t.typeName()+" "+shapeText(t.Shape)))
	}
	return strings.Join(parts, " and ")
}

// label names a tensor, or the columns of one that has names for these alone.
func (t Tensor) label() string {
	if t.Name == "" {
		return strings.Join(t.Columns, ", ")
	}
	return t.Name
}

// typeName is the type of a tensor, or that of the message which holds it.
func (t Tensor) typeName() string {
	if t.Message != "" && t.DType == tensor.Number {
		return t.Message
	}
	return t.DType.String()
}

// code is text in Markdown as it stands, also in a table.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", "\\|", "\n", " ").Replace(s) + "`"
}

// plainText is text without a meaning in Markdown.
func plainText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "<", "&lt;", "|", "\\|", "\n", " ").Replace(s)
}
