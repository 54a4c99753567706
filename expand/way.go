package expand

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Way is one way by which requests come into the cluster. Whoever has to know
// of it reads this row: the operator's settings, the rules for annotations, the
// kinds that the operator applies, the rights and the chart's values in
// manifests/, and the tests that ask for golden files and documentation.
type Way struct {
	// Name is what errors and warnings call it.
	Name string
	// Settings are its part of the operator's settings. The first one is a flag
	// that switches the way on.
	Settings []Setting
	// Annotations are those of a deployment that the way reads.
	Annotations []v1.WayAnnotation
	// Prefix begins their names after "seldon.io/". A change of an annotation
	// with this prefix restarts no pod.
	Prefix string
	// OnServices is the annotation by which the way sends requests to a Service.
	// It is empty for a way with objects of its own alone.
	OnServices string
	// Kinds are those of the objects that it makes.
	Kinds []Kind
	// Gateways are the settings that name gateways, as name or namespace/name,
	// each with the annotation that counts before it.
	Gateways map[string]string
	// Address is the setting that says where the way takes requests.
	Address string

	// objects makes them. It may add annotations to Services.
	objects func(*traffic) ([]Object, error)
	// limits says what a deployment asks for and this way cannot do; nil: it
	// can do everything.
	limits func(*traffic) []limit
	// ask completes a question by what is the way's own.
	ask func(*traffic, *Question)
	// askGRPC are the questions over gRPC beside one over REST; nil: what leads the
	// one leads the other.
	askGRPC func(t *traffic, rest Question) []Question
}

// Setting is a setting of a way.
type Setting struct {
	// Name is the variable of the operator's environment, such as ISTIO_GATEWAY.
	Name string
	// Value is the name among the values of the Helm chart, such as
	// istio.gateway.
	Value string
	// Doc says what it sets, without the words below.
	Doc string
	// Default is in force where nobody set anything.
	Default string
	// Words are all that it can be; nil: any text.
	Words []string
}

// addressSetting is where a way takes requests. It is the operator that asks
// there.
func addressSetting(name, value, otherwise string) Setting {
	return Setting{Name: name, Value: value,
		Doc: "where it takes requests, so that the operator can ask whether it leads to a deployment: a URL, or host:port; none: " + otherwise}
}

// flags are the words of a setting that is true or false.
func flags() []string { return []string{"false", "true"} }

// IsFlag reports whether the setting is true or false.
func (s *Setting) IsFlag() bool { return slices.Equal(s.Words, flags()) }

// Parse returns the value that a text stands for, or says why it is none.
func (s *Setting) Parse(text string) (string, error) {
	switch {
	case s.IsFlag():
		on, err := strconv.ParseBool(text)
		if err != nil {
			return "", fmt.Errorf("%q is neither true nor false", text)
		}
		return strconv.FormatBool(on), nil
	case len(s.Words) > 0 && !slices.Contains(s.Words, text):
		return "", fmt.Errorf("%q is none of %s", text, strings.Join(s.Words, ", "))
	}
	return text, nil
}

// WaySettings are the values of the settings of all ways, by their names.
type WaySettings map[string]string

// DefaultWays are the settings of an installation that nobody configured: no
// way is on.
func DefaultWays() WaySettings {
	values := WaySettings{}
	for _, w := range Ways() {
		for _, s := range w.Settings {
			values[s.Name] = s.Default
		}
	}
	return values
}

// With returns settings with other values for some, which are taken as they
// are.
func (s WaySettings) With(values WaySettings) WaySettings {
	to := maps.Clone(s)
	maps.Copy(to, values)
	return to
}

// on reports whether a flag is set.
func (s WaySettings) on(name string) bool { return s[name] == "true" }

// waysOn lists the ways that are switched on.
func (s WaySettings) waysOn() []Way {
	var on []Way
	for i := range wayRows() {
		if w := &wayRows()[i]; s.on(w.Settings[0].Name) {
			on = append(on, *w)
		}
	}
	return on
}

// wayRows are those of [Ways], made once: each expansion asks for them. Nobody
// changes them.
var wayRows = sync.OnceValue(Ways)

// Choice is a value of a setting.
type Choice struct{ Setting, Value string }

// WayAnnotations lists the annotations that any way reads.
func WayAnnotations() []v1.WayAnnotation {
	var all []v1.WayAnnotation
	for _, w := range Ways() {
		all = append(all, w.Annotations...)
	}
	return all
}

// kindsOf lists the kinds of objects that a way makes under these settings.
func (s WaySettings) kindsOf(w *Way) []Kind {
	return slices.DeleteFunc(slices.Clone(w.Kinds), func(k Kind) bool {
		return k.When != Choice{} && s[k.When.Setting] != k.When.Value
	})
}

// wayKind is a row for a kind that a way makes.
func wayKind(gvk schema.GroupVersionKind, resource string, rank Rank, condition string) Kind {
	return Kind{GroupVersionKind: gvk, Resource: resource, Noun: gvk.Kind, Condition: condition, Rank: rank, Optional: true}
}
