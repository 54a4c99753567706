package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// operator is a running program.
type operator struct {
	cmd     *exec.Cmd
	metrics string
	stopped bool
}

// start runs the operator and returns when it is healthy.
func (w *world) start(ctx context.Context) (*operator, error) {
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	health, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(os.TempDir(), "radiant-scale.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	o := &operator{metrics: "http://" + metrics + "/metrics"}
	o.cmd = exec.Command(w.program, "manager", "--kubeconfig", w.server.Kubeconfig(), "--operator-namespace", namespace,
		"--metrics-addr", metrics, "--health-addr", health)
	o.cmd.Env = append(os.Environ(), "INGRESS_ENABLED=true")
	o.cmd.Stderr = log
	if err := o.cmd.Start(); err != nil {
		return nil, err
	}
	err = poll(ctx, func() (string, error) {
		r, err := http.Get("http://" + health + "/readyz")
		if err != nil {
			return "the operator is not ready", nil //nolint:nilerr // It is asked again.
		}
		defer func() { _ = r.Body.Close() }()
		if r.StatusCode != http.StatusOK {
			return "the operator is not ready", nil
		}
		return "", nil
	})
	if err != nil {
		o.stop()
		return nil, fmt.Errorf("%w; see %s", err, log.Name())
	}
	return o, nil
}

// stop ends the operator as Kubernetes does.
func (o *operator) stop() {
	if o.stopped {
		return
	}
	o.stopped = true
	_ = o.cmd.Process.Signal(syscall.SIGTERM)
	_ = o.cmd.Wait()
}

// awaitQuiet returns when so many passes have been made, and none is due.
func (o *operator) awaitQuiet(ctx context.Context, passes int) error {
	quiet := 0
	return poll(ctx, func() (string, error) {
		families, err := metrics(ctx, http.DefaultClient, o.metrics)
		if err != nil {
			return "the operator shows no metrics: " + err.Error(), nil //nolint:nilerr // It is asked again.
		}
		made := sum(families["controller_runtime_reconcile_total"])
		due := sum(families["workqueue_depth"]) + sum(families["controller_runtime_active_workers"])
		if made < float64(passes) || due > 0 {
			quiet = 0
			return fmt.Sprintf("%.0f passes were made, %.0f are due", made, due), nil
		}
		if quiet++; quiet < 20 {
			return "the operator has just become quiet", nil
		}
		return "", nil
	})
}

// sum adds up all series of a family.
func sum(f *dto.MetricFamily) float64 {
	total := 0.0
	for _, m := range f.GetMetric() {
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return total
}

// usage tells of the process's memory and time.
func (o *operator) usage() string {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.cmd.Process.Pid)) // Elsewhere than on Linux nothing is told.
	field := func(name string) string {
		found := regexp.MustCompile(name + `:\s*(\d+) kB`).FindSubmatch(status)
		if found == nil {
			return "?"
		}
		var kb int
		if _, err := fmt.Sscan(string(found[1]), &kb); err != nil {
			return "?"
		}
		return fmt.Sprintf("%d MiB", kb>>10)
	}
	families, err := metrics(context.Background(), http.DefaultClient, o.metrics)
	if err != nil {
		return err.Error()
	}
	cpu := time.Duration(sum(families["process_cpu_seconds_total"]) * float64(time.Second))
	return fmt.Sprintf("%s resident, %s at most, %s of CPU", field("VmRSS"), field("VmHWM"), cpu.Round(10*time.Millisecond))
}

// metrics reads a page of them.
func metrics(ctx context.Context, client *http.Client, url string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(r.Body)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
