package config

import (
	"errors"
	"strings"
)

// endpointVariable says where nodes' loggers send that name no URL.
const endpointVariable = "REQUEST_LOGGER_DEFAULT_ENDPOINT"

// PayloadLog is where payloads are logged to, and how much of them is kept
// until they are sent.
type PayloadLog struct {
	// Endpoint is where nodes' loggers send that name no URL.
	Endpoint string
	// Broker and Topic, if a broker is set, take all events in its place.
	Broker, Topic string
	// Workers send at once; Events and Bytes bound what waits for them.
	Workers, Events int
	Bytes           int64
	// Hostname is the executor's, for the source of events.
	Hostname string
}

func (l *PayloadLog) check(security *KafkaSecurity) error {
	var errs []error
	if l.Workers <= 0 || l.Events <= 0 || l.Bytes <= 0 {
		errs = append(errs, errors.New("--logger_workers, --log_work_buffer_size and --log_buffer_bytes must be positive"))
	}
	if l.Broker != "" {
		errs = append(errs, security.check())
		if l.Topic == "" {
			errs = append(errs, errors.New("--log_kafka_topic is empty"))
		}
	}
	return errors.Join(errs...)
}

// Brokers lists the brokers.
func (l *PayloadLog) Brokers() []string { return strings.Split(l.Broker, ",") }
