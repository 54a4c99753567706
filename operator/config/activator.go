package config

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/prime-radiant/radiant/setting"
)

// Activator is how the activator runs.
type Activator struct {
	// Kubeconfig is as in [Manager].
	Kubeconfig string
	// Namespace is the only one whose Services are served; empty: all.
	Namespace string
	// Address is the IP by which this pod is reached.
	Address string
	// AdminAddress is where the scaler, the cluster and Prometheus ask.
	AdminAddress string
	// Waiting are the requests that wait for one Service, WaitingBytes what all bodies
	// may take, Patience how long one waits.
	Waiting      int
	WaitingBytes int
	Patience     time.Duration
	// Leave bounds the time until nobody is led here any more, Drain the time that
	// requests then have to end.
	Leave, Drain time.Duration
	LogLevel     string
}

func (a *Activator) fields() []managerField {
	type row = setting.Setting
	all := []managerField{
		managerText(&a.Kubeconfig, row{Flag: "kubeconfig", Doc: "file that says how the API server is reached (in a pod, its account says so)"}),
		managerText(&a.Namespace, row{Flag: "namespace", Variable: "WATCH_NAMESPACE", Doc: "serve Services of this namespace only; none: of all"}),
		managerText(&a.Address, row{Flag: "pod-ip", Variable: "POD_IP", Doc: "address by which this pod is reached; from it the activator knows what is led to it"}),
		managerText(&a.AdminAddress, row{Flag: "admin-addr", Value: ":8082", Doc: "address of /scaling, /metrics, /healthz and /readyz"}),
		managerNumber(&a.Waiting, row{Flag: "waiting", Variable: "RADIANT_WAITING", Value: "1000", Doc: "most requests of one Service that wait for a pod; more get 503 or UNAVAILABLE at once"}),
		managerNumber(&a.WaitingBytes, row{Flag: "waiting-bytes", Variable: "RADIANT_WAITING_BYTES", Value: "134217728", Doc: "what the bodies of all requests that wait may take"}),
		managerDuration(&a.Patience, row{Flag: "patience", Variable: "RADIANT_PATIENCE", Value: "2m", Doc: "how long a request waits for a pod"}),
		managerDuration(&a.Leave, row{Flag: "leave", Value: "15s", Doc: "how long, after a signal, it goes on at most until nobody is led to it any more"}),
		managerDuration(&a.Drain, row{Flag: "drain", Value: "40s", Doc: "how long requests then have to end"}),
		managerText(&a.LogLevel, row{Flag: "log-level", Variable: "SELDON_LOG_LEVEL", Value: "INFO", Doc: "DEBUG, INFO, WARN or ERROR"}),
	}
	for i := range all {
		all[i].Group = groupProgram
	}
	return all
}

// AddFlags makes a flag of each setting.
func (a *Activator) AddFlags(f *pflag.FlagSet) { addFlags(a.fields(), f) }

// ActivatorSettings lists the settings of [Activator] with their defaults.
func ActivatorSettings() []setting.Setting { return settingsOf(new(Activator).fields()) }

// Settings lists them with what is in force.
func (a *Activator) Settings() []setting.Setting { return inForce(a.fields()) }

// Complete takes over what lookup knows, as [Manager.Complete] does.
func (a *Activator) Complete(lookup func(name string) (value string, ok bool)) error {
	errs := []error{complete(a.fields(), lookup)}
	if a.Waiting < 1 || a.WaitingBytes < 1 {
		errs = append(errs, errors.New("--waiting and --waiting-bytes must be 1 at least"))
	}
	for flag, d := range map[string]time.Duration{"patience": a.Patience, "leave": a.Leave, "drain": a.Drain} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("--%s: %s is not above 0", flag, d))
		}
	}
	if _, err := a.Level(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Level is the least that is logged.
func (a *Activator) Level() (slog.Level, error) { return level(a.LogLevel) }
