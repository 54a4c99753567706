package scaler

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
)

const (
	// mostAsked is how many programs are asked at once.
	mostAsked = 32
	// answerWithin is how long one may take to answer.
	answerWithin = time.Second
	// mostReport is the largest report of an executor that is read, in bytes, and
	// mostKept that of an activator, which names all fronts of the cluster.
	mostReport = 1 << 20
	mostKept   = 16 << 20
)

// asker asks programs for their reports.
type asker struct{ client *http.Client }

func newAsker(dial func(ctx context.Context, network, address string) (net.Conn, error)) *asker {
	if dial == nil {
		dial = (&net.Dialer{Timeout: answerWithin}).DialContext
	}
	return &asker{&http.Client{Transport: &http.Transport{
		// Nothing is told, and nothing believed but numbers: a certificate for the
		// name by which clients come is right for no pod's address.
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // See above.
		MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
		DialContext: dial,
	}}}
}

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
	var all sync.WaitGroup
	places := make(chan struct{}, mostAsked)
	ask := func(url string, most int64, take func(scaling.Report)) {
		all.Add(1)
		places <- struct{}{}
		go func() {
			defer func() { <-places; all.Done() }()
			if r, err := a.report(ctx, url, most); err == nil {
				mu.Lock()
				take(r)
				mu.Unlock()
			}
		}()
	}
	asked := map[types.UID]bool{}
	for i := range w.workloads {
		one := &w.workloads[i]
		scheme := "http"
		if one.TLS {
			scheme = "https"
		}
		for _, p := range w.pods[one.predictor()] {
			if asked[p.uid] {
				continue
			}
			asked[p.uid] = true
			ask(address(scheme, p.ip, one.ReportPort)+scaling.PathReport, mostReport, func(r scaling.Report) { got.reports[p.uid] = r })
		}
	}
	for _, one := range w.activators {
		ask(one.url()+scaling.PathReport, mostKept, func(r scaling.Report) { got.kept[one.ip] = r })
	}
	all.Wait()
	return got
}

func (a activator) url() string { return address("http", a.ip, a.admin) }

func address(scheme, ip string, port int32) string {
	return scheme + "://" + net.JoinHostPort(ip, strconv.Itoa(int(port)))
}

// report reads a report of at most so many bytes.
func (a *asker) report(ctx context.Context, url string, most int64) (scaling.Report, error) {
	var r scaling.Report
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return r, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return r, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return r, fmt.Errorf("%s answered %s", url, response.Status)
	}
	return r, json.NewDecoder(io.LimitReader(response.Body, most)).Decode(&r)
}
