package controller

import (
	"context"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

var _ step = expanding{}

// expanding finds out what there should be. It is a function of what was
// gathered and is remembered, and asks nobody.
type expanding struct{ objects *objects }

func (expanding) String() string { return "expanding" }

func (s expanding) run(_ context.Context, p *pass) error {
	known := p.secrets
	known.Starts = p.starts(s.objects)
	if err := s.expand(p, known); err != nil {
		return err
	}
	// Whose pods take requests is known only now.
	if p.idle = s.objects.withoutPods(p); len(p.idle) > 0 {
		known.WithoutPods = p.idle
		if err := s.expand(p, known); err != nil {
			return err
		}
	}
	return p.leadFronts()
}

// expand leaves what there should be in the pass, as far as is known.
func (expanding) expand(p *pass, known expand.Facts) error {
	if desired, ok := p.plan.objects(known); ok {
		p.desired = desired
		return nil
	}
	objects, err := p.plan.expand(known)
	if err != nil {
		// Validation missed it; to the user it is the same.
		p.problems = append(p.problems, v1.Problem{Severity: v1.SeverityError, Path: "spec", Message: err.Error()})
		return nil
	}
	p.desired = nil
	for _, o := range objects {
		d, err := Prepare(o)
		if err != nil {
			return err
		}
		p.desired = append(p.desired, d)
	}
	p.plan.keep(known, p.desired)
	return nil
}
