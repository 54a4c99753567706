package process

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Prober asks one container how it is.
type Prober struct {
	container *corev1.Container
	client    *http.Client
	run       func(ctx context.Context, words []string) ([]byte, error)
}

// NewProber returns a prober of c. run runs a command inside the container and
// returns its output.
func NewProber(c *corev1.Container, run func(context.Context, []string) ([]byte, error)) *Prober {
	config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // A kubelet does not look at the certificates of pods either.
	return &Prober{container: c, run: run, client: &http.Client{
		// As a kubelet does: no reuse, and a redirect counts as success.
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: config},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// errNoProbe says that a probe has no action.
var errNoProbe = errors.New("the probe has no action that is known here")

// Check performs the probe once; nil means success.
func (p *Prober) Check(ctx context.Context, probe *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, seconds(probe.TimeoutSeconds, 1))
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return p.get(ctx, probe.HTTPGet)
	case probe.TCPSocket != nil:
		port, err := p.port(probe.TCPSocket.Port)
		if err != nil {
			return err
		}
		return dial(ctx, hostPort(probe.TCPSocket.Host, port))
	case probe.GRPC != nil:
		return dial(ctx, Address(probe.GRPC.Port))
	case probe.Exec != nil:
		if len(probe.Exec.Command) == 0 {
			return errNoProbe
		}
		out, err := p.run(ctx, probe.Exec.Command)
		if err != nil {
			return fmt.Errorf("running %q: %w: %s", strings.Join(probe.Exec.Command, " "), err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	return errNoProbe
}

func (p *Prober) get(ctx context.Context, action *corev1.HTTPGetAction) error {
	port, err := p.port(action.Port)
	if err != nil {
		return err
	}
	scheme := strings.ToLower(string(action.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	url := scheme + "://" + hostPort(action.Host, port) + "/" + strings.TrimPrefix(action.Path, "/")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	for _, h := range action.HTTPHeaders {
		r.Header.Add(h.Name, h.Value)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 256))
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("probing %s: status %d %s", url, response.StatusCode, strings.TrimSpace(string(body)))
	}
	return nil
}

// port resolves a port that may be given by name.
func (p *Prober) port(port intstr.IntOrString) (int32, error) {
	if port.Type == intstr.Int {
		return port.IntVal, nil
	}
	for _, named := range p.container.Ports {
		if named.Name == port.StrVal {
			return named.ContainerPort, nil
		}
	}
	if n, err := strconv.ParseInt(port.StrVal, 10, 32); err == nil {
		return int32(n), nil
	}
	return 0, fmt.Errorf("the container has no port named %q", port.StrVal)
}

// Unheard returns the port that a failed check could not connect to, since
// nothing listens there; 0: it failed otherwise.
func (p *Prober) Unheard(probe *corev1.Probe, err error) int32 {
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return 0
	}
	var at intstr.IntOrString
	switch {
	case probe.HTTPGet != nil:
		at = probe.HTTPGet.Port
	case probe.TCPSocket != nil:
		at = probe.TCPSocket.Port
	case probe.GRPC != nil:
		return probe.GRPC.Port
	}
	port, err := p.port(at)
	if err != nil {
		return 0
	}
	return port
}

// Address is where a process of this machine listens on a port, as host:port.
func Address(port int32) string { return hostPort("", port) }

func hostPort(host string, port int32) string {
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

func dial(ctx context.Context, address string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	return c.Close()
}

// Period is the time between two probes.
func Period(p *corev1.Probe) time.Duration { return seconds(p.PeriodSeconds, 10) }

// Failures is how many probes fail in a row before that counts.
func Failures(p *corev1.Probe) int { return times(p.FailureThreshold, 3) }

// StartTime is how long a container may take to its first success.
func StartTime(p *corev1.Probe) time.Duration {
	return seconds(p.InitialDelaySeconds, 0) + Period(p)*time.Duration(Failures(p))
}

// seconds is n seconds, or the API's default where n is not set.
func seconds(n, otherwise int32) time.Duration {
	if n <= 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}

// times is n, or the API's default where n is not set.
func times(n, otherwise int32) int {
	if n <= 0 {
		return int(otherwise)
	}
	return int(n)
}

// ProbePaths are the paths that the container's probes ask for.
func ProbePaths(c *corev1.Container) []string {
	var paths []string
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if probe != nil && probe.HTTPGet != nil {
			paths = append(paths, "/"+strings.TrimPrefix(probe.HTTPGet.Path, "/"))
		}
	}
	return paths
}
