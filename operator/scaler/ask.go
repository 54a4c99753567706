package scaler

import (
	"context"
	"time"

	"github.com/go-logr/logr"
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
type asker struct {
	client *scrape.Client
	// executors and activators are asked apart, the latter after the former.
	executors, activators *scrape.Rounds
	log                   logr.Logger
}

func newAsker(dial scrape.Dial, log logr.Logger) *asker {
	return &asker{client: scrape.New(dial, idle), executors: scrape.NewRounds(mostAsked, scrape.MostSilent), activators: scrape.NewRounds(mostAsked, mostMissed), log: log}
}

// answers are what was told at a tick.
type answers struct {
	*world
	// seconds went by from when it was asked at the tick before; 0: it was not.
	seconds float64
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

// mostMissed is how many reports in a row an activator misses before it is taken to be
// gone. Until then it is asked among the others: what one says that is asked beside them is
// not heard.
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

// ask asks the executors of all Deployments that have pods, and the activators after
// them: a request that goes from one to the other meanwhile must not count twice.
func (a *asker) ask(ctx context.Context, w *world) answers {
	got := answers{world: w, reports: map[types.UID]scaling.Report{}, kept: map[string]scaling.Report{}}
	var executors, activators []scrape.Question
	asked := map[types.UID]bool{}
	for i := range w.workloads {
		one := &w.workloads[i]
		for _, p := range w.pods[one.predictor()] {
			if asked[p.uid] {
				continue
			}
			asked[p.uid] = true
			executors = append(executors, a.question(scrape.URL(one.TLS, p.ip, one.ReportPort, scaling.PathReport), mostReport,
				func(r scaling.Report) { got.reports[p.uid] = r }))
		}
	}
	for _, one := range w.activators {
		activators = append(activators, a.question(one.url(scaling.PathReport), mostKept, func(r scaling.Report) { got.kept[one.ip] = r }))
	}
	a.executors.Round(ctx, executors)
	a.activators.Round(ctx, activators)
	return got
}

// question asks one program. One that fails is no answer.
func (a *asker) question(url string, most int64, take func(scaling.Report)) scrape.Question {
	return scrape.Question{
		URL: url,
		Ask: func(ctx context.Context) (func(), error) {
			var r scaling.Report
			if _, err := a.client.Read(ctx, url, "", most, &r); err != nil {
				return nil, err
			}
			return func() { take(r) }, nil
		},
		Unread: func(err error) { a.log.Error(err, "what a program says of its requests does not count") },
	}
}

func (a activator) url(path string) string { return scrape.URL(false, a.ip, a.admin, path) }
