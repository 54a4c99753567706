package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/prime-radiant/radiant/setting"
)

// Manager is how the operator runs. The names of flags and variables are those
// of existing installations, where they have the setting.
type Manager struct {
	// Kubeconfig is a file that says how the API server is reached; empty: the
	// pod's own account, or what kubectl uses.
	Kubeconfig string
	// Namespace is the only one that is served; empty: all.
	Namespace string
	// OperatorNamespace holds the ConfigMap and the lease.
	OperatorNamespace string
	// ControllerID has to be the label of the deployments that are served.
	ControllerID                  string
	MetricsAddress, HealthAddress string
	// WebhookPort is where reviews of deployments are answered; 0: nowhere.
	WebhookPort int
	// Training has training jobs run as well.
	Training bool
	Workers  int
	Drain    time.Duration
	// Answer is how long a way into the cluster may take to lead to a deployment
	// (0: it is not asked), Settle how long one gets that cannot be asked.
	Answer, Settle time.Duration
	// ActivatorPorts are those at which activators take requests, one for each
	// Service.
	ActivatorPorts   string
	LeaderElection   bool
	LeaderElectionID string
	// LeaseSeconds, RenewSeconds and RetrySeconds are 0 for 15, 10 and 2.
	LeaseSeconds, RenewSeconds, RetrySeconds int
	LogLevel                                 string
	Debug                                    bool
}

// AddFlags makes a flag of each setting.
func (m *Manager) AddFlags(f *pflag.FlagSet) { addFlags(m.fields(), f) }

func addFlags(fields []managerField, f *pflag.FlagSet) {
	for _, row := range fields {
		usage := row.Doc
		if row.Variable != "" {
			usage += " (" + row.Variable + " counts before it)"
		}
		row.define(f, row.Flag, row.Value, usage)
	}
}

// ManagerSettings lists the settings of [Manager] with their defaults.
func ManagerSettings() []setting.Setting { return settingsOf(new(Manager).fields()) }

func settingsOf(fields []managerField) []setting.Setting {
	settings := make([]setting.Setting, len(fields))
	for i, f := range fields {
		settings[i] = f.Setting
	}
	return settings
}

// Settings lists them with what is in force.
func (m *Manager) Settings() []setting.Setting { return inForce(m.fields()) }

func inForce(fields []managerField) []setting.Setting {
	settings := make([]setting.Setting, len(fields))
	for i, f := range fields {
		settings[i] = f.Setting
		settings[i].Value = f.get()
	}
	return settings
}

// Complete takes over what lookup knows, such as os.LookupEnv, and checks the
// result. An empty variable counts as not set.
func (m *Manager) Complete(lookup func(name string) (value string, ok bool)) error {
	errs := []error{complete(m.fields(), lookup)}
	if _, err := m.Level(); err != nil {
		errs = append(errs, err)
	}
	if m.WebhookPort < 0 || m.WebhookPort > 65535 {
		errs = append(errs, fmt.Errorf("--webhook-port: %d is not a port number", m.WebhookPort))
	}
	if m.Workers < 1 {
		errs = append(errs, fmt.Errorf("--workers: %d is less than 1", m.Workers))
	}
	for flag, d := range map[string]time.Duration{"drain": m.Drain, "answer": m.Answer, "settle": m.Settle} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("--%s: %s is negative", flag, d))
		}
	}
	for flag, seconds := range map[string]int{
		"lease-duration": m.LeaseSeconds, "renew-deadline": m.RenewSeconds, "retry-period": m.RetrySeconds,
	} {
		if seconds < 0 {
			errs = append(errs, fmt.Errorf("--leader-election-%s-secs: %d is negative", flag, seconds))
		}
	}
	return errors.Join(errs...)
}

// complete takes over what lookup knows.
func complete(fields []managerField, lookup func(name string) (value string, ok bool)) error {
	var errs []error
	for _, f := range fields {
		if f.Variable == "" {
			continue
		}
		if value, ok := lookup(f.Variable); ok && value != "" {
			if err := f.take(value); err != nil {
				errs = append(errs, fmt.Errorf("reading setting %s: %w", f.Variable, err))
			}
		}
	}
	return errors.Join(errs...)
}

// Level is the least that is logged.
func (m *Manager) Level() (slog.Level, error) {
	if m.Debug {
		return slog.LevelDebug, nil
	}
	return level(m.LogLevel)
}

func level(name string) (slog.Level, error) {
	levels := map[string]slog.Level{
		"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "WARNING": slog.LevelWarn, "ERROR": slog.LevelError,
	}
	level, ok := levels[strings.ToUpper(name)]
	if !ok {
		return 0, fmt.Errorf("--log-level: %q is none of DEBUG, INFO, WARN and ERROR", name)
	}
	return level, nil
}

// Seconds is a number of them.
func Seconds(n int) time.Duration { return time.Duration(n) * time.Second }
