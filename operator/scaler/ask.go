package scaler

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/scrape"
)

const (
	// mostAsked is how many programs are asked at once.
	mostAsked = 32
	// mostReport is the largest report of an executor that is read, in bytes, and
	// mostKept that of an activator, which names all fronts of the cluster.
	mostReport = 1 << 20
	mostKept   = 16 << 20
)

// idle is how long a connection stays between two ticks.
const idle = 30 * time.Second

// asker asks programs for their reports.
type asker struct{ client *scrape.Client }

func newAsker(dial scrape.Dial) *asker { return &asker{scrape.New(dial, idle)} }

// answers are what was told at a tick.
type answers struct {
	*world
	// pods are the reports of executors, by their pods; of those that did not
	// answer there is none.
	reports map[types.UID]scaling.Report
	// activators are their reports, by address.
	kept map[string]scaling.Report
	// silent are the activators that have told nothing for some ticks, while others
	// did: their node may have gone, of which the cluster takes a while to hear.
	silent map[string]bool
	// ports are who has which.
	ports *ports
	// keeps is what is found of fronts, by the Service, and retold are SeldonDeployments
	// of which something else is said than before.
	keeps  map[types.NamespacedName]keptFront
	retold map[types.NamespacedName]bool
}

// mostMissed is how many reports in a row an activator may miss.
const mostMissed = 3

// listen notes who has told nothing.
func (s *Scaler) listen(a *answers) {
	missed := map[string]int{}
	for _, one := range a.activators {
		if _, told := a.kept[one.ip]; !told {
			missed[one.ip] = s.missed[one.ip] + 1
		}
	}
	s.missed, a.silent = missed, map[string]bool{}
	for ip, n := range missed {
		a.silent[ip] = n >= mostMissed && len(a.kept) > 0
	}
}

// ask asks the executors of all Deployments that have pods, and the activators.
func (a *asker) ask(ctx context.Context, w *world) answers {
	got := answers{world: w, reports: map[types.UID]scaling.Report{}, kept: map[string]scaling.Report{}}
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(mostAsked)
	ask := func(url string, most int64, take func(scaling.Report)) {
		all.Go(func() error {
			var r scaling.Report
			if _, err := a.client.Read(ctx, url, "", most, &r); err == nil {
				mu.Lock()
				take(r)
				mu.Unlock()
			}
			return nil
		})
	}
	asked := map[types.UID]bool{}
	for i := range w.workloads {
		one := &w.workloads[i]
		for _, p := range w.pods[one.predictor()] {
			if asked[p.uid] {
				continue
			}
			asked[p.uid] = true
			ask(scrape.URL(one.TLS, p.ip, one.ReportPort, scaling.PathReport), mostReport, func(r scaling.Report) { got.reports[p.uid] = r })
		}
	}
	for _, one := range w.activators {
		ask(one.url(scaling.PathReport), mostKept, func(r scaling.Report) { got.kept[one.ip] = r })
	}
	_ = all.Wait() // A question that fails is no answer.
	return got
}

func (a activator) url(path string) string { return scrape.URL(false, a.ip, a.admin, path) }
