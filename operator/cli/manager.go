package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	runtimelog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/operator/scaler"
	"github.com/prime-radiant/radiant/operator/training"
	"github.com/prime-radiant/radiant/setting"
)

// Manager is the command radiant manager.
func Manager() *cobra.Command {
	var m config.Manager
	var list bool
	cmd := &cobra.Command{
		Use:   "manager",
		Short: "Serve the SeldonDeployments of a Kubernetes cluster",
		Long: `Manager keeps the objects of all SeldonDeployments of a cluster as they ask for.

What it makes of them is what radiant render prints. Settings are environment
variables (--settings lists them, and the flags) and the ConfigMap seldon-config.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m.Complete(config.Lookup); err != nil {
				return err
			}
			if list {
				return printSettings(cmd.OutOrStdout(), m)
			}
			return manage(cmd.Context(), m, cmd.ErrOrStderr())
		},
	}
	m.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&list, "settings", false, "list the settings with what is in force, and do nothing else")
	return cmd
}

// printSettings lists what is in force, but for what a ConfigMap says.
func printSettings(w io.Writer, m config.Manager) error {
	environment, err := config.FromEnvironment()
	if err != nil {
		return err
	}
	return setting.Print(w, slices.Concat(m.Settings(), environment.Settings()))
}

// manage runs the operator until ctx ends.
func manage(ctx context.Context, m config.Manager, stderr io.Writer) error {
	log, err := logger(m, stderr)
	if err != nil {
		return err
	}
	saveMemory()
	runtimelog.SetLogger(log)
	klog.SetLogger(log)
	environment, err := config.FromEnvironment()
	if err != nil {
		return err
	}
	servers, err := manifests.Load()
	if err != nil {
		return err
	}
	cluster, err := clusterConfig(m.Kubeconfig)
	if err != nil {
		return err
	}
	if environment, err = environment.For(cluster); err != nil {
		return err
	}
	ports, err := scaler.ParsePortRange(m.ActivatorPorts)
	if err != nil {
		return fmt.Errorf("--activator-ports: %w", err)
	}
	scales := scaler.New(scaler.Options{Cluster: cluster, Log: log, Namespace: m.Namespace, OperatorNamespace: m.OperatorNamespace, Ports: ports})
	operator, err := controller.New(controller.Options{
		Cluster:        cluster,
		Log:            log,
		Environment:    environment,
		Servers:        servers,
		Scope:          controller.Scope{Namespace: m.Namespace, ControllerID: m.ControllerID},
		Namespace:      m.OperatorNamespace,
		Workers:        m.Workers,
		Drain:          m.Drain,
		Answer:         m.Answer,
		Settle:         m.Settle,
		Scaling:        scales,
		MetricsAddress: m.MetricsAddress,
		HealthAddress:  m.HealthAddress,
		Election: controller.Election{
			Enabled: m.LeaderElection,
			ID:      m.LeaderElectionID,
			Lease:   config.Seconds(m.LeaseSeconds),
			Renew:   config.Seconds(m.RenewSeconds),
			Retry:   config.Seconds(m.RetrySeconds),
		},
	})
	if err != nil {
		return err
	}
	if err := scales.Add(operator); err != nil {
		return fmt.Errorf("setting up scaling: %w", err)
	}
	if m.Training {
		err := training.Add(ctx, operator, training.Options{Cluster: cluster, Log: log, Namespace: m.Namespace})
		if err != nil {
			return fmt.Errorf("setting up training: %w", err)
		}
	}
	if m.WebhookPort != 0 {
		if err := addWebhook(operator, cluster, m); err != nil {
			return fmt.Errorf("setting up the webhook: %w", err)
		}
	}
	go giveMemoryBack(ctx)
	log.Info("starting", "version", expand.Version, "namespace", m.Namespace, "controllerID", m.ControllerID)
	return operator.Start(ctx)
}

func logger(m config.Manager, to io.Writer) (logr.Logger, error) {
	level, err := m.Level()
	if err != nil {
		return logr.Logger{}, err
	}
	options := &slog.HandlerOptions{Level: level}
	if m.Debug {
		return logr.FromSlogHandler(slog.NewTextHandler(to, options)), nil
	}
	return logr.FromSlogHandler(slog.NewJSONHandler(to, options)), nil
}

// clusterConfig finds the API server as kubectl does; in a pod, by its account.
func clusterConfig(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("looking for the API server: %w", err)
	}
	// The API server shares its time out fairly; waiting on this side as well
	// would only make a restart slow.
	c.QPS = -1
	c.UserAgent = "radiant/" + expand.Version
	return c, nil
}
