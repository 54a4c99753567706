package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metricsTime bounds the wait for the metrics of one predictor.
const metricsTime = 5 * time.Second

// scraped are the metrics of one predictor, by name.
type scraped struct {
	deployment *Deployment
	backend    *Backend
	families   map[string]*dto.MetricFamily
}

// metrics answers with the metrics of all predictors. Each sample has the labels
// namespace, deployment_name and predictor_name. A predictor that has none, or
// is not ready, is left out.
func (g *Gateway) metrics(w http.ResponseWriter, r *http.Request, all *deployments) {
	var parts []*scraped
	var asking sync.WaitGroup
	for _, d := range all.sorted() {
		for _, b := range d.backends() {
			part := &scraped{deployment: d, backend: b}
			parts = append(parts, part)
			asking.Go(func() { part.ask(r.Context()) })
		}
	}
	asking.Wait()
	merged := map[string]*dto.MetricFamily{}
	for _, part := range parts {
		part.addTo(merged)
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	w.Header().Set("Content-Type", string(format))
	encoder := expfmt.NewEncoder(w, format)
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if encoder.Encode(merged[name]) != nil {
			return // The client has gone.
		}
	}
}

// ask fetches the metrics of the predictor.
func (s *scraped) ask(ctx context.Context) {
	if s.backend.at.Metrics == "" || !s.backend.ready() || !s.backend.acquire() {
		return
	}
	defer s.backend.release()
	ctx, cancel := context.WithTimeout(ctx, metricsTime)
	defer cancel()
	url := fmt.Sprintf("%s://%s%s", s.backend.at.scheme(), s.backend.at.HTTP, s.backend.at.Metrics)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	answer, err := s.backend.rest.RoundTrip(request)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if families, err := parser.TextToMetricFamilies(answer.Body); err == nil {
		s.families = families
	}
}

// addTo adds the predictor's samples to those of others. A family that others
// have with another type is left out, since a name has one type.
func (s *scraped) addTo(merged map[string]*dto.MetricFamily) {
	labels := [][2]string{
		{"namespace", s.deployment.Namespace}, {"deployment_name", s.deployment.Name}, {"predictor_name", s.backend.predictor},
	}
	for name, family := range s.families {
		for _, metric := range family.Metric {
			for _, label := range labels {
				if !slices.ContainsFunc(metric.Label, func(l *dto.LabelPair) bool { return l.GetName() == label[0] }) {
					metric.Label = append(metric.Label, &dto.LabelPair{Name: &label[0], Value: &label[1]})
				}
			}
		}
		switch before := merged[name]; {
		case before == nil:
			merged[name] = family
		case before.GetType() == family.GetType():
			before.Metric = append(before.Metric, family.Metric...)
		}
	}
}
