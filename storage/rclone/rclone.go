// Package rclone reads what users of Seldon Core have: remotes that are
// configured in the environment as rclone wants it, RCLONE_CONFIG_REMOTE_KEY.
package rclone

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/azure"
	"github.com/prime-radiant/radiant/storage/gcs"
	"github.com/prime-radiant/radiant/storage/s3"
	"github.com/prime-radiant/radiant/storage/transfer"
	"github.com/prime-radiant/radiant/storage/web"
)

// remote is the configuration of one.
type remote struct {
	name string
	access.Access
}

// value is that of a key. The name of a remote is written as it is, and
// without what a variable's name cannot have.
func (r remote) value(key string) string {
	name := strings.ToUpper(r.name)
	return r.Value("RCLONE_CONFIG_"+name+"_"+key, "RCLONE_CONFIG_"+strings.NewReplacer("-", "_", ".", "_").Replace(name)+"_"+key)
}

func (r remote) bool(key string, otherwise bool) bool { return access.Bool(r.value(key), otherwise) }

// preset are remotes whose type need not be said: a scheme of the same name
// exists. One of the keys says that the remote is meant.
func preset() map[string]string { return map[string]string{"s3": "s3", "gs": "google cloud storage"} }

func presetKeys() []string {
	return []string{"PROVIDER", "ENDPOINT", "ENV_AUTH", "ACCESS_KEY_ID", "ANONYMOUS", "SERVICE_ACCOUNT_FILE", "SERVICE_ACCOUNT_CREDENTIALS"}
}

func (r remote) typeName() string {
	if kind := r.value("TYPE"); kind != "" {
		return strings.ToLower(kind)
	}
	kind, ok := preset()[r.name]
	if ok && slices.ContainsFunc(presetKeys(), func(key string) bool { return r.value(key) != "" }) {
		return kind
	}
	return ""
}

// opener opens "bucket/path" of a remote.
type opener func(ctx context.Context, r remote, location string) (transfer.Store, error)

// openers is the table of rclone's types.
func openers() map[string]opener {
	return map[string]opener{
		"s3":                   openS3,
		"google cloud storage": openGCS,
		"gcs":                  openGCS,
		"azureblob":            openAzure,
		"http":                 openWeb,
	}
}

// Configured reports whether the environment configures a remote.
func Configured(name string, a access.Access) bool {
	return remote{strings.ToLower(name), a}.typeName() != ""
}

// Open is the store of remote:bucket/path or remote://bucket/path.
func Open(ctx context.Context, uri string, a access.Access) (transfer.Store, error) {
	name, location, _ := strings.Cut(uri, ":")
	r := remote{strings.ToLower(name), a}
	open, ok := openers()[r.typeName()]
	if !ok {
		return nil, transfer.Permanent(fmt.Errorf("remote %s has the type %q; known are %s",
			name, r.typeName(), strings.Join(slices.Sorted(maps.Keys(openers())), ", ")))
	}
	return open(ctx, r, strings.TrimLeft(location, "/"))
}

func openS3(ctx context.Context, r remote, location string) (transfer.Store, error) {
	c := s3.FromEnvironment(r.Access)
	if key := r.value("ACCESS_KEY_ID"); key != "" || r.value("SECRET_ACCESS_KEY") != "" {
		c.KeyID, c.Secret, c.Token = key, r.value("SECRET_ACCESS_KEY"), r.value("SESSION_TOKEN")
	}
	if endpoint := r.value("ENDPOINT"); endpoint != "" {
		c.Endpoint = access.WithScheme(endpoint, true)
	}
	for key, to := range map[string]*string{"REGION": &c.Region, "PROFILE": &c.Profile, "SHARED_CREDENTIALS_FILE": &c.SharedFile} {
		if v := r.value(key); v != "" {
			*to = v
		}
	}
	c.VirtualHost = !r.bool("FORCE_PATH_STYLE", !c.VirtualHost)
	return s3.New(ctx, c, location, r.Client)
}

func openGCS(ctx context.Context, r remote, location string) (transfer.Store, error) {
	c := gcs.FromEnvironment(r.Access)
	if file := r.value("SERVICE_ACCOUNT_FILE"); file != "" {
		c.KeyFile = file
	}
	c.Key, c.Token = r.value("SERVICE_ACCOUNT_CREDENTIALS"), r.value("ACCESS_TOKEN")
	if endpoint := r.value("ENDPOINT"); endpoint != "" {
		c.Endpoint = access.WithScheme(endpoint, true)
	}
	c.Anonymous = r.bool("ANONYMOUS", c.Anonymous)
	return gcs.New(ctx, c, location, r.Client)
}

func openAzure(ctx context.Context, r remote, location string) (transfer.Store, error) {
	c, err := azure.FromEnvironment(r.Access)
	if err != nil {
		return nil, err
	}
	if text := r.value("CONNECTION_STRING"); text != "" {
		if err := c.Connect(text); err != nil {
			return nil, err
		}
	}
	for key, to := range map[string]*string{
		"ACCOUNT": &c.Account, "KEY": &c.Key, "ENDPOINT": &c.Endpoint,
		"TENANT": &c.Tenant, "CLIENT_ID": &c.Client, "CLIENT_SECRET": &c.Secret,
	} {
		if v := r.value(key); v != "" {
			*to = v
		}
	}
	if sas := r.value("SAS_URL"); sas != "" {
		if location, err = c.UseSAS(sas, location); err != nil {
			return nil, err
		}
	}
	return azure.New(ctx, c, location, r.Client)
}

func openWeb(ctx context.Context, r remote, location string) (transfer.Store, error) {
	return web.Open(ctx, strings.TrimRight(r.value("URL"), "/")+"/"+location, r.Access)
}
