package main

import (
	"context"
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// patience bounds each wait.
const patience = 10 * time.Minute

// world is the API server and what is known of it.
type world struct {
	client.Client
	server  *apiserver.Server
	program string
	// many is how many deployments there are.
	many int
}

const deployment = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {namespace: scale}
spec:
  predictors:
  - name: main
    graph: {name: classifier, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: classifier, image: "mock:1"}]}
      hpaSpec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}
`

// kinds lists the objects of each deployment, one a line.
func kinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		{Version: "v1", Kind: "Service"}, // of the predictor
		{Version: "v1", Kind: "Service"}, // of the container
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	}
}

// create makes the deployments.
func (w *world) create(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range w.many {
		group.Go(func() error {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(deployment), &u.Object); err != nil {
				return err
			}
			u.SetName(fmt.Sprintf("d-%04d", i))
			return w.Create(ctx, u)
		})
	}
	return group.Wait()
}

// awaitObjects returns when all objects of the deployments are there.
func (w *world) awaitObjects(ctx context.Context) error {
	want := map[schema.GroupVersionKind]int{}
	for _, kind := range kinds() {
		want[kind] += w.many
	}
	return poll(ctx, func() (string, error) {
		for kind, n := range want {
			list := &metav1.PartialObjectMetadataList{}
			list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
			// One item and the count of the others are enough to know.
			if err := w.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
				return "", err
			}
			got := len(list.Items)
			if list.RemainingItemCount != nil {
				got += int(*list.RemainingItemCount)
			}
			if got < n {
				return fmt.Sprintf("there are %d of %d objects of kind %s", got, n, kind.Kind), nil
			}
		}
		return "", nil
	})
}

// poll returns when check says that nothing is missing.
func poll(ctx context.Context, check func() (missing string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		missing, err := check()
		if err != nil || missing == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", missing, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// calls counts what the API server was asked to write.
type calls struct{ applies, statuses, events, others int }

func (c calls) all() int { return c.applies + c.statuses + c.others }

// calls reads the API server's own count. Leases and the deployments that this
// program makes are left out; so are events in sums, which may come late.
func (w *world) calls(ctx context.Context) (calls, error) {
	client, err := rest.HTTPClientFor(w.server.Config())
	if err != nil {
		return calls{}, err
	}
	families, err := metrics(ctx, client, w.server.Config().Host+"/metrics")
	if err != nil {
		return calls{}, err
	}
	var c calls
	for _, m := range families["apiserver_request_total"].GetMetric() {
		label := labels(m)
		n := int(m.GetCounter().GetValue())
		switch {
		case label["verb"] == "GET" || label["verb"] == "LIST" || label["verb"] == "WATCH" || label["verb"] == "CONNECT",
			label["resource"] == "leases", label["verb"] == "POST" && label["resource"] != "events":
		case label["resource"] == "events":
			c.events += n
		case label["resource"] == "seldondeployments" && label["subresource"] == "status":
			c.statuses += n
		case label["verb"] == "APPLY":
			c.applies += n
		case label["resource"] != "":
			c.others += n
		}
	}
	return c, nil
}

func labels(m *dto.Metric) map[string]string {
	all := map[string]string{}
	for _, pair := range m.GetLabel() {
		all[pair.GetName()] = pair.GetValue()
	}
	return all
}
