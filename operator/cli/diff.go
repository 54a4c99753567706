package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	runtimelog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/operator/diff"
	"github.com/prime-radiant/radiant/train"
)

// Exit codes of radiant render --diff, which are those of diff.
const (
	differ  = 1
	trouble = 2
)

// compare is radiant render --diff.
func (f *renderFlags) compare(cmd *cobra.Command) error {
	err := f.compareAll(cmd.Context(), cmd)
	if err == nil || errors.As(err, new(ExitCode)) {
		return err
	}
	if !errors.Is(err, ErrReported) {
		fmt.Fprintln(cmd.ErrOrStderr(), "radiant:", err)
	}
	return ExitCode(trouble)
}

func (f *renderFlags) compareAll(ctx context.Context, cmd *cobra.Command) error {
	runtimelog.SetLogger(logr.Discard())
	cluster, err := f.cluster()
	if err != nil {
		return err
	}
	settings, note, err := diff.Settings(ctx, cluster.client, f.operatorNamespace, config.Lookup)
	if err != nil {
		return err
	}
	if settings, err = settings.For(cluster.config); err != nil {
		return err
	}
	if note != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "note:", note)
	}
	servers, err := manifests.Load()
	if err != nil {
		return err
	}
	in := expand.Input{Config: settings.Expand, Servers: settings.Servers(servers)}
	read, err := f.read(cmd, in, kubeflow.ManifestKinds())
	if err != nil {
		return err
	}
	return printDifferences(ctx, diff.Comparer{Client: cluster.client}, in, differences{read, cluster.namespace, cmd.OutOrStdout(), cmd.ErrOrStderr()})
}

// differences is what is to be compared, and where the result goes.
type differences struct {
	contents
	namespace      string
	stdout, stderr io.Writer
}

func printDifferences(ctx context.Context, c diff.Comparer, in expand.Input, d differences) error {
	count := map[controller.Action]int{}
	var errs []error
	say := func(objects []diff.Object) {
		for _, o := range objects {
			count[o.Action]++
			_, err := d.stdout.Write(o.Text)
			errs = append(errs, err)
		}
	}
	noted := map[string]bool{}
	for _, doc := range d.jobs {
		if note := c.LeavesJob(ctx, doc.Job.Parts().Kind); note != "" && !noted[note] {
			noted[note] = true
			fmt.Fprintln(d.stderr, "note:", note)
		}
		doc.Job.SetNamespace(cmp.Or(doc.Job.GetNamespace(), d.namespace))
		objects, err := c.CompareJob(ctx, doc.Job)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", doc.File, train.Title(doc.Job), err))
		}
		say(objects)
	}
	for _, doc := range d.deployments {
		in.Deployment = doc.Deployment
		in.Deployment.Namespace = cmp.Or(in.Deployment.Namespace, d.namespace)
		objects, err := c.Compare(ctx, in)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: deployment %q: %w", doc.File, in.Deployment.Name, err))
		}
		say(objects)
	}
	fmt.Fprintf(d.stderr, "%d created, %d configured, %d deleted, %d unchanged\n",
		count[controller.Created], count[controller.Configured], count[controller.Deleted], count[controller.Unchanged])
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if count[controller.Created]+count[controller.Configured]+count[controller.Deleted] > 0 {
		return ExitCode(differ)
	}
	return nil
}

// target is a cluster, and a namespace in it.
type target struct {
	config    *rest.Config
	client    client.Client
	namespace string
}

// cluster finds the API server and the namespace as kubectl does.
func (f *renderFlags) cluster() (target, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	found := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.context})
	cluster, err := found.ClientConfig()
	if err != nil {
		return target{}, fmt.Errorf("looking for the API server: %w", err)
	}
	cluster.UserAgent = "radiant/" + expand.Version
	namespace, _, err := found.Namespace()
	if err != nil {
		return target{}, fmt.Errorf("looking for the API server: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return target{}, err
	}
	c, err := client.New(cluster, client.Options{Scheme: scheme})
	if err != nil {
		return target{}, fmt.Errorf("reaching the API server: %w", err)
	}
	return target{cluster, c, namespace}, nil
}
