package controller

import "context"

var _ step = applying{}

// applying applies everything but what leads requests to the deployment.
type applying struct{ objects *objects }

func (applying) String() string { return "applying workloads" }

func (s applying) run(ctx context.Context, p *pass) error {
	for _, d := range p.desired {
		if d.rank.OfTraffic() {
			continue
		}
		if err := s.objects.apply(ctx, p, d); err != nil {
			return err
		}
	}
	return nil
}
