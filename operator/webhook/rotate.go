package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Rotator keeps the webhook's certificate. All replicas share one Secret:
// whichever finds that something is due writes it, the others load it.
//
// The order of a renewal is what keeps the API servers able to call: a new
// authority is stored, then published in the configuration beside the old one;
// [Lifetimes.Overlap] later a certificate is signed by it; as long again after
// that, the old one is dropped.
type Rotator struct {
	// Client reads and writes the Secret and the configuration, without a
	// cache.
	Client client.Client
	// Secret must exist, with or without content. One of the type
	// kubernetes.io/tls belongs to somebody else, such as cert-manager: it is
	// served and not written, and publishing is left to its owner.
	Secret types.NamespacedName
	// Configuration is the ValidatingWebhookConfiguration to publish in.
	Configuration string
	// Hosts are the names and addresses that the certificate is for.
	Hosts     []string
	Lifetimes Lifetimes
	Clock     func() time.Time
	Log       *slog.Logger

	serving atomic.Pointer[tls.Certificate]
}

// attempts bounds how often a write is tried that another replica came before.
const attempts = 5

// Sync does what is due, and loads what is to be served.
func (r *Rotator) Sync(ctx context.Context) error {
	for n := 1; ; n++ {
		err := r.sync(ctx)
		if !apierrors.IsConflict(err) || n == attempts {
			return err
		}
	}
}

func (r *Rotator) sync(ctx context.Context) error {
	var secret corev1.Secret
	if err := r.Client.Get(ctx, r.Secret, &secret); err != nil {
		return fmt.Errorf("reading the webhook's certificate: %w", err)
	}
	if secret.Type == corev1.SecretTypeTLS {
		return r.load(secret.Data)
	}
	now := r.Clock()
	k, err := decodeKeyring(secret.Data).withAuthority(now, r.Lifetimes)
	if err != nil {
		return err
	}
	if err := r.store(ctx, &secret, k); err != nil {
		return err
	}
	changed, err := r.publish(ctx, k.bundle())
	if err != nil {
		return err
	}
	// What was published just now has not reached every API server.
	if !changed || !k.serves(r.Hosts, now) {
		if k, err = k.withServing(now, r.Lifetimes, r.Hosts); err != nil {
			return err
		}
	}
	if err := r.store(ctx, &secret, k.withoutOld(now, r.Lifetimes)); err != nil {
		return err
	}
	return r.load(secret.Data)
}

// store writes a keyring that is not the stored one.
func (r *Rotator) store(ctx context.Context, secret *corev1.Secret, k keyring) error {
	if decodeKeyring(secret.Data).equal(k) {
		return nil
	}
	data, err := k.encode()
	if err != nil {
		return err
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	maps.Copy(secret.Data, data)
	if err := r.Client.Update(ctx, secret); err != nil {
		return fmt.Errorf("storing the webhook's certificate: %w", err)
	}
	r.Log.Info("the webhook's certificates were renewed", "secret", r.Secret, "authorities", len(k.authorities), "expires", expiry(k))
	return nil
}

func expiry(k keyring) time.Time {
	if k.serving == nil {
		return time.Time{}
	}
	return k.serving.NotAfter
}

// publish tells the API servers whom to trust, and whether that was news.
func (r *Rotator) publish(ctx context.Context, bundle []byte) (changed bool, err error) {
	var configuration admissionregistrationv1.ValidatingWebhookConfiguration
	if err := r.Client.Get(ctx, types.NamespacedName{Name: r.Configuration}, &configuration); err != nil {
		return false, fmt.Errorf("reading the webhook's configuration: %w", err)
	}
	before := configuration.DeepCopy()
	for i := range configuration.Webhooks {
		c := &configuration.Webhooks[i].ClientConfig
		changed = changed || !bytes.Equal(c.CABundle, bundle)
		c.CABundle = bundle
	}
	if !changed {
		return false, nil
	}
	patch := client.StrategicMergeFrom(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, &configuration, patch); err != nil {
		return false, fmt.Errorf("publishing the webhook's authorities: %w", err)
	}
	return true, nil
}

// load takes what is stored into use.
func (r *Rotator) load(data map[string][]byte) error {
	c, err := tls.X509KeyPair(data[servingKey], data[servingKeyKey])
	if err != nil {
		return fmt.Errorf("reading the webhook's certificate from Secret %s: %w", r.Secret, err)
	}
	if old := r.serving.Load(); old == nil || !old.Leaf.Equal(c.Leaf) {
		r.serving.Store(&c)
	}
	return nil
}

// errNotReady is said before there is a certificate.
var errNotReady = errors.New("the webhook has no certificate yet")

// Certificate is for [tls.Config.GetCertificate].
func (r *Rotator) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := r.serving.Load(); c != nil {
		return c, nil
	}
	return nil, errNotReady
}
