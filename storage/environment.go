package storage

import (
	"fmt"
	"strconv"

	"github.com/prime-radiant/radiant/storage/access"
)

// Variables of the environment.
const (
	// CacheVariable names the folder of [Options].Cache.
	CacheVariable = "RADIANT_MODEL_CACHE"
	// StreamsVariable is [Options].Streams.
	StreamsVariable = "RADIANT_FETCH_STREAMS"
)

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
