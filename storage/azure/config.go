package azure

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Config says where containers are and who asks.
type Config struct {
	// Account is the storage account. Endpoint is a URL in location of that of the
	// account at Azure.
	Account, Endpoint string
	// Key of the account, in base64.
	Key string
	// SAS is a shared access signature, the part of a URL behind "?".
	SAS string
	// Tenant, Client and Secret are an application's. Without these, the key
	// and the signature, the chain of Azure: workload identity, managed
	// identity, az.
	Tenant, Client, Secret string
	Anonymous              bool
	// Demanded is true where the surroundings say that there is an identity:
	// not finding one is an error, and not an anonymous request.
	Demanded bool
}

const (
	scope = "https://storage.azure.com/.default"
	// chainTimeout bounds the search for an identity, which asks addresses
	// that exist at Azure only.
	chainTimeout = 15 * time.Second
	domain       = "blob.core.windows.net"
)

// FromEnvironment reads the variables of Azure, and those that KServe has.
func FromEnvironment(a access.Access) (Config, error) {
	c := Config{
		Account:  a.Value("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"),
		Endpoint: a.Value("AZURE_STORAGE_BLOB_ENDPOINT", "AZURE_STORAGE_SERVICE_ENDPOINT"),
		Key:      a.Value("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY"),
		SAS:      a.Value("AZURE_STORAGE_SAS_TOKEN"),
		Tenant:   a.Value("AZURE_TENANT_ID", "AZ_TENANT_ID"),
		Client:   a.Value("AZURE_CLIENT_ID", "AZ_CLIENT_ID"),
		Secret:   a.Value("AZURE_CLIENT_SECRET", "AZ_CLIENT_SECRET"),
		Demanded: a.Value("AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE") != "",
	}
	if text := a.Value("AZURE_STORAGE_CONNECTION_STRING"); text != "" {
		return c, c.Connect(text)
	}
	return c, nil
}

// Connect reads a connection string.
func (c *Config) Connect(text string) error {
	fields := map[string]string{}
	for _, field := range strings.Split(text, ";") {
		name, value, _ := strings.Cut(field, "=")
		fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	for name, to := range map[string]*string{
		"AccountName": &c.Account, "AccountKey": &c.Key, "SharedAccessSignature": &c.SAS, "BlobEndpoint": &c.Endpoint,
	} {
		if fields[name] != "" {
			*to = fields[name]
		}
	}
	if suffix := fields["EndpointSuffix"]; c.Endpoint == "" && c.Account != "" && suffix != "" {
		c.Endpoint = "https://" + c.Account + ".blob." + suffix
	}
	if c.Account == "" && c.Endpoint == "" {
		return transfer.Permanent(errors.New("the connection string of Azure names neither AccountName nor BlobEndpoint"))
	}
	return nil
}

// signer adds an identity to a request.
type signer func(ctx context.Context, r *http.Request) error

// signer finds who asks; known is false for nobody.
func (c Config) signer(ctx context.Context, client *http.Client) (sign signer, known bool, err error) {
	nobody := func(context.Context, *http.Request) error { return nil }
	switch {
	case c.Anonymous:
		return nobody, false, nil
	case c.Key != "":
		key, err := base64.StdEncoding.DecodeString(c.Key)
		if err != nil || c.Account == "" {
			return nil, false, transfer.Permanent(errors.New("the key of the Azure account is not base64, or the account has no name"))
		}
		return sharedKey(c.Account, key), true, nil
	case c.SAS != "":
		return signature(c.SAS), true, nil
	}
	identity, err := c.identity(client)
	if err == nil {
		find, cancel := context.WithTimeout(ctx, chainTimeout)
		defer cancel()
		_, err = identity.GetToken(find, policy.TokenRequestOptions{Scopes: []string{scope}})
	}
	switch {
	case err == nil:
		return bearer(identity), true, nil
	case c.Demanded || c.Secret != "":
		return nil, false, transfer.Denied(fmt.Errorf("looking for an Azure identity: %w", firstLine(err)))
	}
	return nobody, false, nil
}

// firstLine shortens what is pages long.
func firstLine(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

func (c Config) identity(client *http.Client) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: 1}}
	if c.Secret != "" {
		return azidentity.NewClientSecretCredential(c.Tenant, c.Client, c.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
}

func bearer(identity azcore.TokenCredential) signer {
	return func(ctx context.Context, r *http.Request) error {
		token, err := identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
		if err != nil {
			return firstLine(err)
		}
		r.Header.Set("Authorization", "Bearer "+token.Token)
		return nil
	}
}

func signature(sas string) signer {
	_, behind, isURL := strings.Cut(sas, "?")
	if !isURL {
		behind = sas
	}
	given, err := url.ParseQuery(behind)
	return func(_ context.Context, r *http.Request) error {
		if err != nil {
			return transfer.Permanent(errors.New("the shared access signature of Azure is malformed"))
		}
		query := r.URL.Query()
		for name, values := range given {
			query[name] = values
		}
		r.URL.RawQuery = query.Encode()
		return nil
	}
}

// UseSAS takes account and signature from the URL of an account or of a
// container. Of the latter, the container begins the location that is returned.
func (c *Config) UseSAS(sas, location string) (string, error) {
	u, err := url.Parse(sas)
	if err != nil || u.Host == "" || u.RawQuery == "" {
		return "", transfer.Permanent(errors.New("the SAS URL of Azure is malformed"))
	}
	c.Endpoint, c.Key, c.SAS = u.Scheme+"://"+u.Host, "", u.RawQuery
	container := strings.Trim(u.Path, "/")
	if container == "" || location == container || strings.HasPrefix(location, container+"/") {
		return location, nil
	}
	return container + "/" + location, nil
}
