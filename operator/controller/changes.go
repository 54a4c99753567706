package controller

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Action is what became of an object.
type Action uint8

// The actions.
const (
	Unchanged Action = iota
	Created
	Configured
	Deleted
)

func (a Action) String() string { return actions()[a].past }

func actions() [Deleted + 1]struct{ past, verb string } {
	return [...]struct{ past, verb string }{
		Unchanged:  {"unchanged", ""},
		Created:    {"created", "Create"},
		Configured: {"configured", "Update"},
		Deleted:    {"deleted", "Delete"},
	}
}

// Change is what became of one object in a pass.
type Change struct {
	Action Action
	// Kind is what events call it, such as HPA.
	Kind, Name string
}

func (c Change) String() string {
	return fmt.Sprintf("%s %s %s", c.Kind, c.Name, c.Action)
}

// Changes are those of a pass, in the order in which they were made.
type Changes []Change

// String lists what changed.
func (cs Changes) String() string {
	var lines []string
	for _, c := range cs {
		if c.Action != Unchanged {
			lines = append(lines, c.String())
		}
	}
	return strings.Join(lines, ", ")
}

// createdLast reports whether the last change made an object.
func (cs Changes) createdLast() bool { return len(cs) > 0 && cs[len(cs)-1].Action == Created }

// byAction gathers what is one event: all that was made in a pass, changed, or
// deleted. Each event is a call on the API server, and a new deployment has
// many objects. What did not change is left out.
func (cs Changes) byAction() []Changes {
	var all []Changes
	at := map[Action]int{}
	for _, c := range cs {
		if c.Action == Unchanged {
			continue
		}
		i, ok := at[c.Action]
		if !ok {
			i = len(all)
			at[c.Action] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], c)
	}
	return all
}

// reason is what an event of changes of one action is called, such as
// CreateDeployment: after the Deployment among them, else after the first.
func (cs Changes) reason() string {
	named := cs[0]
	if i := slices.IndexFunc(cs, func(c Change) bool { return c.Kind == workloadKind().Kind }); i >= 0 {
		named = cs[i]
	}
	return actions()[named.Action].verb + named.Kind
}

var _ error = refused{}

// refused is an object that the API server, or this operator, does not take:
// only the user can mend it.
type refused struct {
	object ref
	err    error
}

func (r refused) Error() string { return fmt.Sprintf("applying %s: %v", r.object, r.err) }
func (r refused) Unwrap() error { return r.err }

// problem is the failure as a problem of the deployment.
func (r refused) problem() v1.Problem {
	return v1.Problem{Severity: v1.SeverityError, Message: fmt.Sprintf("%s: %v", r.object, r.err)}
}
