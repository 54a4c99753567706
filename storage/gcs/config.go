package gcs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Config says where buckets are and who asks.
type Config struct {
	// Endpoint is a URL, for servers other than that of Google.
	Endpoint string
	// KeyFile or Key is the JSON of a service account, of a user, or of a
	// federated workload. Without both, the default credentials of Google are
	// looked for, and requests are anonymous where there are none.
	KeyFile, Key string
	// Token is an access token as it is.
	Token     string
	Anonymous bool
	// Billing is the project that pays for requests, if it is not the bucket's.
	Billing string
}

const (
	scope   = "https://www.googleapis.com/auth/devstorage.read_only"
	service = "https://storage.googleapis.com"
	// findTimeout bounds the search for the metadata server of a machine at
	// Google.
	findTimeout = 10 * time.Second
)

// FromEnvironment reads the variables of Google.
func FromEnvironment(a access.Access) Config {
	c := Config{
		Endpoint: access.WithScheme(a.Value("STORAGE_EMULATOR_HOST"), false),
		KeyFile:  a.Value("GOOGLE_APPLICATION_CREDENTIALS"),
		Billing:  a.Value("GOOGLE_CLOUD_QUOTA_PROJECT"),
	}
	c.Anonymous = c.Endpoint != ""
	return c
}

// client adds the identity to requests, and reports whether there is one.
func (c Config) client(ctx context.Context, base *http.Client) (client *http.Client, known bool, err error) {
	if c.Anonymous {
		return base, false, nil
	}
	source, err := c.source(context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, base))
	if err != nil || source == nil {
		return base, false, err
	}
	// Now, so that what is wrong with the identity is said of it.
	if _, err := source.Token(); err != nil {
		return base, false, refused(err)
	}
	with := *base
	with.Transport = &oauth2.Transport{Source: source, Base: base.Transport}
	return &with, true, nil
}

// credentialTypes are the types of credentials that a file may hold.
func credentialTypes() map[string]google.CredentialsType {
	return map[string]google.CredentialsType{
		"service_account":              google.ServiceAccount,
		"authorized_user":              google.AuthorizedUser,
		"external_account":             google.ExternalAccount,
		"impersonated_service_account": google.ImpersonatedServiceAccount,
	}
}

func (c Config) source(ctx context.Context) (oauth2.TokenSource, error) {
	if c.Token != "" {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: c.Token}), nil
	}
	key := []byte(c.Key)
	if c.Key == "" && c.KeyFile != "" {
		var err error
		if key, err = os.ReadFile(c.KeyFile); err != nil {
			return nil, transfer.Permanent(fmt.Errorf("reading Google credentials: %w", err))
		}
	}
	if len(key) > 0 {
		return parse(ctx, key)
	}
	find, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	found, err := google.FindDefaultCredentials(find, scope)
	if err != nil {
		return nil, nil // Nobody is asked: public buckets need nobody.
	}
	if len(found.JSON) > 0 {
		return parse(ctx, found.JSON)
	}
	return google.ComputeTokenSource("", scope), nil
}

// parse reads credentials without quoting them in an error.
func parse(ctx context.Context, key []byte) (oauth2.TokenSource, error) {
	for name, kind := range credentialTypes() {
		if !strings.Contains(string(key), `"`+name+`"`) {
			continue
		}
		if found, err := google.CredentialsFromJSONWithType(ctx, key, kind, scope); err == nil {
			return found.TokenSource, nil
		}
	}
	return nil, transfer.Permanent(errors.New("the Google credentials are not the JSON of a service account, a user or a federated workload"))
}

// refused is about an identity that was not accepted. What the server of
// tokens answers may be long; its code says it all. An error of the key itself
// is not shown: it may quote the key.
func refused(err error) error {
	var token *oauth2.RetrieveError
	switch {
	case errors.As(err, &token):
		status := 0
		if token.Response != nil {
			status = token.Response.StatusCode
		}
		err = fmt.Errorf("the Google credentials were refused: %d %s %s", status, token.ErrorCode, token.ErrorDescription)
		if status >= http.StatusInternalServerError {
			return err
		}
		return transfer.Denied(err)
	case errors.As(err, new(net.Error)):
		return fmt.Errorf("asking Google for a token: %w", access.Failure(err))
	}
	return transfer.Denied(errors.New("the Google credentials cannot be used: their key or their form is not what Google writes"))
}
