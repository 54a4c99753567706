package controller

import (
	"context"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

var _ step = expanding{}

// expanding finds out what there should be. It is a function of what was
// gathered, and asks nobody.
type expanding struct{}

func (expanding) String() string { return "expanding" }

func (expanding) run(_ context.Context, p *pass) error {
	objects, err := expand.Expand(expand.Input{
		Deployment: p.deployment,
		Config:     p.inForce.Config,
		Facts:      p.secrets,
		Servers:    p.inForce.Servers,
	})
	if err != nil {
		// Validation missed it; to the user it is the same.
		p.problems = append(p.problems, v1.Problem{Severity: v1.SeverityError, Path: "spec", Message: err.Error()})
		return nil
	}
	for _, o := range objects {
		d, err := Prepare(o)
		if err != nil {
			return err
		}
		p.desired = append(p.desired, d)
	}
	return nil
}
