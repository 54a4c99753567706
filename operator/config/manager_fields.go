package config

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/prime-radiant/radiant/setting"
)

// managerField ties a flag of the manager to its place in [Manager].
type managerField struct {
	setting.Setting
	// define makes the flag.
	define func(f *pflag.FlagSet, name, otherwise, usage string)
	// take takes over what the variable says.
	take func(text string) error
	get  func() string
}

// fields is the table of all flags.
func (m *Manager) fields() []managerField {
	type row = setting.Setting
	var lock string
	all := []managerField{
		managerText(&m.Kubeconfig, row{Flag: "kubeconfig", Doc: "file that says how the API server is reached (in a pod, its account says so)"}),
		managerText(&m.Namespace, row{Flag: "namespace", Variable: "WATCH_NAMESPACE", Doc: "serve deployments of this namespace only; none: of all"}),
		managerText(&m.OperatorNamespace, row{Flag: "operator-namespace", Variable: "POD_NAMESPACE", Value: "seldon-system", Doc: "namespace of the ConfigMap seldon-config and of the lease"}),
		managerText(&m.ControllerID, row{Flag: "controller-id", Variable: "CONTROLLER_ID", Chart: "controllerId", Doc: "serve deployments whose label seldon.io/controller-id is this"}),
		managerText(&m.MetricsAddress, row{Flag: "metrics-addr", Value: ":8080", Doc: "address of /metrics; 0 serves none"}),
		managerText(&m.HealthAddress, row{Flag: "health-addr", Value: ":8081", Doc: "address of /healthz and /readyz; 0 serves none"}),
		managerNumber(&m.WebhookPort, row{Flag: "webhook-port", Value: "0", Doc: "port of the webhook that refuses wrong deployments; 0: none"}),
		managerTruth(&m.Training, row{Flag: "training", Variable: "RADIANT_TRAINING", Value: "false", Doc: "run Kubeflow's training jobs as well (TFJob, MPIJob), and install their definitions where there are none"}),
		managerNumber(&m.Workers, row{Flag: "workers", Value: "4", Doc: "deployments that are looked at at once"}),
		managerDuration(&m.Drain, row{Flag: "drain", Value: "10s", Doc: "how long old pods stay after routes lead elsewhere"}),
		managerDuration(&m.Answer, row{Flag: "answer", Value: "30s", Doc: "how long a deployment whose pods are ready waits at most for its gateway to lead to them; 0: it is not asked"}),
		managerDuration(&m.Settle, row{Flag: "settle", Value: "5s", Doc: "how long it waits for a gateway that cannot be asked"}),
		managerText(&m.ActivatorPorts, row{Flag: "activator-ports", Value: "20000-29999", Doc: "ports at which activators take requests, one for each Service whose pods may be away"}),
		managerTruth(&m.LeaderElection, row{Flag: "enable-leader-election", Value: "false", Doc: "of several operators, one acts"}),
		managerText(&m.LeaderElectionID, row{Flag: "leader-election-id", Variable: "LEADER_ELECTION_ID", Value: "a33bd623.machinelearning.seldon.io", Doc: "name of the lease"}),
		managerText(&lock, row{Flag: "leader-election-resource-lock", Value: "leases", Doc: "accepted; it is always a lease"}),
		managerNumber(&m.LeaseSeconds, row{Flag: "leader-election-lease-duration-secs", Value: "0", Doc: "how long the lease holds (0: 15)"}),
		managerNumber(&m.RenewSeconds, row{Flag: "leader-election-renew-deadline-secs", Value: "0", Doc: "how long its holder tries to renew it (0: 10)"}),
		managerNumber(&m.RetrySeconds, row{Flag: "leader-election-retry-period-secs", Value: "0", Doc: "pause between attempts to get it (0: 2)"}),
		managerText(&m.LogLevel, row{Flag: "log-level", Variable: "SELDON_LOG_LEVEL", Value: "INFO", Doc: "DEBUG, INFO, WARN or ERROR"}),
		managerTruth(&m.Debug, row{Flag: "debug", Variable: "SELDON_DEBUG", Value: "false", Doc: "log as for reading, not as JSON, and with level DEBUG"}),
	}
	for i := range all {
		all[i].Group = groupProgram
	}
	return all
}

func managerText(to *string, s setting.Setting) managerField {
	return managerField{Setting: s,
		define: func(f *pflag.FlagSet, name, otherwise, usage string) { f.StringVar(to, name, otherwise, usage) },
		take:   func(text string) error { *to = text; return nil },
		get:    func() string { return *to },
	}
}

func managerNumber(to *int, s setting.Setting) managerField {
	return managerField{Setting: s,
		define: func(f *pflag.FlagSet, name, otherwise, usage string) {
			f.IntVar(to, name, known(strconv.Atoi(otherwise)), usage)
		},
		take: func(text string) error {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%q is not a whole number", text)
			}
			*to = n
			return nil
		},
		get: func() string { return strconv.Itoa(*to) },
	}
}

func managerTruth(to *bool, s setting.Setting) managerField {
	return managerField{Setting: s,
		define: func(f *pflag.FlagSet, name, otherwise, usage string) {
			f.BoolVar(to, name, known(strconv.ParseBool(otherwise)), usage)
		},
		take: func(text string) error {
			b, err := strconv.ParseBool(text)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", text)
			}
			*to = b
			return nil
		},
		get: func() string { return strconv.FormatBool(*to) },
	}
}

func managerDuration(to *time.Duration, s setting.Setting) managerField {
	return managerField{Setting: s,
		define: func(f *pflag.FlagSet, name, otherwise, usage string) {
			f.DurationVar(to, name, known(time.ParseDuration(otherwise)), usage)
		},
		take: func(text string) error {
			d, err := time.ParseDuration(text)
			if err != nil {
				return fmt.Errorf("%q is not a duration such as 10s", text)
			}
			*to = d
			return nil
		},
		get: func() string { return to.String() },
	}
}

// known is a default of the table, which cannot be wrong.
func known[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
