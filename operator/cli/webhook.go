package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/operator/webhook"
)

// What the manifests of an installation call the parts of the webhook.
const (
	webhookService       = "seldon-webhook-service"
	webhookSecret        = "seldon-webhook-server-cert" //nolint:gosec // is the name of a Secret
	webhookConfiguration = "seldon-validating-webhook-configuration-"
)

// webhookInterval is how often the webhook's certificate is looked after.
const webhookInterval = time.Minute

// addWebhook lets the operator answer reviews.
func addWebhook(o *controller.Operator, cluster *rest.Config, m config.Manager) error {
	direct, err := client.New(cluster, client.Options{HTTPClient: o.GetHTTPClient(), Scheme: o.GetScheme(), Mapper: o.GetRESTMapper()})
	if err != nil {
		return err
	}
	// A replica that does not lead has to know the settings too.
	if _, err := o.GetCache().GetInformer(context.Background(), &corev1.ConfigMap{}, cache.BlockUntilSynced(false)); err != nil {
		return err
	}
	log := slog.New(logr.ToSlogHandler(o.GetLogger().WithName("webhook")))
	host := webhookService + "." + m.OperatorNamespace + ".svc"
	server := &webhook.Server{
		Rotator: &webhook.Rotator{
			Client:        direct,
			Secret:        types.NamespacedName{Namespace: m.OperatorNamespace, Name: webhookSecret},
			Configuration: webhookConfiguration + m.OperatorNamespace,
			Hosts:         []string{host, host + ".cluster.local"},
			Lifetimes:     webhook.DefaultLifetimes(),
			Clock:         time.Now,
			Log:           log,
		},
		Handler:  webhook.Handler(rulesInForce(o.Settings), log),
		Listen:   func() (net.Listener, error) { return net.Listen("tcp", fmt.Sprintf(":%d", m.WebhookPort)) },
		Interval: webhookInterval,
		Log:      log,
	}
	return errors.Join(o.AddReadyzCheck("webhook", server.Ready), o.Add(server))
}

// rulesInForce are those by which the controller judges.
func rulesInForce(settings *controller.Settings) webhook.Rules {
	return func(ctx context.Context) (v1.ValidateOptions, error) {
		inForce, err := settings.Current(ctx)
		if inForce == nil {
			return v1.ValidateOptions{}, err
		}
		return inForce.Rules(), nil
	}
}
