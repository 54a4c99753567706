package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
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
	WebhookPort      int
	Workers          int
	Drain            time.Duration
	LeaderElection   bool
	LeaderElectionID string
	// LeaseSeconds, RenewSeconds and RetrySeconds are 0 for 15, 10 and 2.
	LeaseSeconds, RenewSeconds, RetrySeconds int
	LogLevel                                 string
	Debug                                    bool
}

// AddFlags makes a flag of each setting.
func (m *Manager) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&m.Kubeconfig, "kubeconfig", "", "file that says how the API server is reached (in a pod, its account says so)")
	f.StringVar(&m.Namespace, "namespace", "", "serve deployments of this namespace only (WATCH_NAMESPACE counts before it)")
	f.StringVar(&m.OperatorNamespace, "operator-namespace", "seldon-system",
		"namespace of the ConfigMap seldon-config and of the lease (POD_NAMESPACE counts before it)")
	f.StringVar(&m.ControllerID, "controller-id", "", "serve deployments whose label seldon.io/controller-id is this (CONTROLLER_ID counts before it)")
	f.StringVar(&m.MetricsAddress, "metrics-addr", ":8080", "address of metrics; 0 serves none")
	f.StringVar(&m.HealthAddress, "health-addr", ":8081", "address of /healthz and /readyz; 0 serves none")
	f.IntVar(&m.WebhookPort, "webhook-port", 0, "port of the webhook that refuses wrong deployments; 0: none")
	f.IntVar(&m.Workers, "workers", 4, "deployments that are looked at at once")
	f.DurationVar(&m.Drain, "drain", 10*time.Second, "how long old pods stay after routes lead elsewhere")
	f.BoolVar(&m.LeaderElection, "enable-leader-election", false, "of several operators, one acts")
	f.StringVar(&m.LeaderElectionID, "leader-election-id", "a33bd623.machinelearning.seldon.io",
		"name of the lease (LEADER_ELECTION_ID counts before it)")
	f.String("leader-election-resource-lock", "leases", "accepted; it is always a lease")
	f.IntVar(&m.LeaseSeconds, "leader-election-lease-duration-secs", 0, "how long the lease holds (0: 15)")
	f.IntVar(&m.RenewSeconds, "leader-election-renew-deadline-secs", 0, "how long its holder tries to renew it (0: 10)")
	f.IntVar(&m.RetrySeconds, "leader-election-retry-period-secs", 0, "pause between attempts to get it (0: 2)")
	f.StringVar(&m.LogLevel, "log-level", "INFO", "DEBUG, INFO, WARN or ERROR (SELDON_LOG_LEVEL counts before it)")
	f.BoolVar(&m.Debug, "debug", false, "log as for reading, not as JSON, and with level DEBUG (SELDON_DEBUG counts before it)")
}

// Complete takes over what lookup knows, such as os.LookupEnv, and checks the
// result. An empty variable counts as not set.
func (m *Manager) Complete(lookup func(name string) (value string, ok bool)) error {
	for name, to := range map[string]*string{
		"WATCH_NAMESPACE":    &m.Namespace,
		"POD_NAMESPACE":      &m.OperatorNamespace,
		"CONTROLLER_ID":      &m.ControllerID,
		"LEADER_ELECTION_ID": &m.LeaderElectionID,
		"SELDON_LOG_LEVEL":   &m.LogLevel,
	} {
		if value, ok := lookup(name); ok && value != "" {
			*to = value
		}
	}
	var errs []error
	if value, ok := lookup("SELDON_DEBUG"); ok && value != "" {
		debug, err := strconv.ParseBool(value)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading setting SELDON_DEBUG: %q is neither true nor false", value))
		}
		m.Debug = debug
	}
	if _, err := m.Level(); err != nil {
		errs = append(errs, err)
	}
	if m.WebhookPort < 0 || m.WebhookPort > 65535 {
		errs = append(errs, fmt.Errorf("--webhook-port: %d is not a port number", m.WebhookPort))
	}
	if m.Workers < 1 {
		errs = append(errs, fmt.Errorf("--workers: %d is less than 1", m.Workers))
	}
	if m.Drain < 0 {
		errs = append(errs, fmt.Errorf("--drain: %s is negative", m.Drain))
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

// Level is the least that is logged.
func (m *Manager) Level() (slog.Level, error) {
	if m.Debug {
		return slog.LevelDebug, nil
	}
	levels := map[string]slog.Level{
		"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "WARNING": slog.LevelWarn, "ERROR": slog.LevelError,
	}
	level, ok := levels[strings.ToUpper(m.LogLevel)]
	if !ok {
		return 0, fmt.Errorf("--log-level: %q is none of DEBUG, INFO, WARN and ERROR", m.LogLevel)
	}
	return level, nil
}

// Seconds is a number of them.
func Seconds(n int) time.Duration { return time.Duration(n) * time.Second }
