package storage

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/setting"
	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/azure"
	"github.com/prime-radiant/radiant/storage/gcs"
	"github.com/prime-radiant/radiant/storage/hub"
	"github.com/prime-radiant/radiant/storage/registry"
	"github.com/prime-radiant/radiant/storage/s3"
)

// Variables of the environment.
const (
	// CacheVariable names the folder of [Options].Cache.
	CacheVariable = "RADIANT_MODEL_CACHE"
	// StreamsVariable is [Options].Streams.
	StreamsVariable = "RADIANT_FETCH_STREAMS"
)

// Settings lists the variables of the environment that fetches depend on, with
// defaults. Remotes of rclone have more, by their names.
func Settings() []setting.Setting {
	const group = "Fetches"
	own := []setting.Setting{
		{Group: group, Variable: CacheVariable, Doc: "folder that keeps what was fetched; none: nothing is kept"},
		{Group: group, Variable: StreamsVariable, Value: strconv.Itoa(DefaultStreams), Doc: "requests at once, at most"},
		{Group: group, Variable: "HTTPS_PROXY", Doc: "as usual"},
		{Group: group, Variable: "HTTP_PROXY", Doc: "as usual"},
		{Group: group, Variable: "NO_PROXY", Doc: "as usual"},
	}
	return slices.Concat(own, s3.Settings(), gcs.Settings(), azure.Settings(), hub.Settings(), registry.Settings())
}

// InForce lists the settings with the values that lookup knows. Of those that
// are secrets, or may hold one, it is shown that they are set.
func InForce(lookup func(name string) (value string, ok bool)) []setting.Setting {
	a := access.Access{Lookup: lookup}
	all := Settings()
	for i, s := range all {
		value := a.Value(s.Variable)
		if value != "" && isSecret(s.Variable) {
			value = "(hidden)"
		}
		all[i].Value = cmp.Or(value, s.Value)
	}
	return all
}

// isSecret judges by the words of a name. A name of a file is none, nor is that
// of a key.
func isSecret(variable string) bool {
	if strings.HasSuffix(variable, "_FILE") || strings.HasSuffix(variable, "_PATH") || strings.HasSuffix(variable, "_ID") {
		return false
	}
	return slices.ContainsFunc([]string{"TOKEN", "SECRET", "KEY", "CONNECTION_STRING", "PROXY"}, func(word string) bool {
		return strings.Contains(variable, word)
	})
}

// maxStreams keeps a typing error from opening thousands of connections.
const maxStreams = 256

// FromEnvironment reads the settings that lookup knows.
func FromEnvironment(lookup func(name string) (value string, ok bool)) (Options, error) {
	a := access.Access{Lookup: lookup}
	o := Options{Lookup: lookup, Cache: a.Value(CacheVariable)}
	if text := a.Value(StreamsVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxStreams {
			return Options{}, fmt.Errorf("reading setting %s: %q is not a number from 1 to %d", StreamsVariable, text, maxStreams)
		}
		o.Streams = n
	}
	return o, nil
}
