package config

import (
	"errors"
	"flag"
	"strings"
)

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

func (l *PayloadLog) define(flags *flag.FlagSet, env Env) {
	flags.StringVar(&l.Hostname, "hostname", env.or("POD_NAME", ""), "host name in the source of payload events")
	flags.StringVar(&l.Broker, "log_kafka_broker", env.or("LOGGER_KAFKA_BROKER", ""), "Kafka brokers for payload events, host:port, separated by commas")
	flags.StringVar(&l.Topic, "log_kafka_topic", env.or("LOGGER_KAFKA_TOPIC", "seldon"), "topic for payload events")
	flags.IntVar(&l.Workers, "logger_workers", 10, "payload events that are sent at once")
	flags.IntVar(&l.Events, "log_work_buffer_size", 10000, "most payload events that wait; more are dropped")
	flags.Int64Var(&l.Bytes, "log_buffer_bytes", 64<<20, "most bytes of payloads that wait; more are dropped")
	flags.Int("log_write_timeout_ms", 2000, "accepted; an event that finds the queue full is dropped at once")
}

func (l *PayloadLog) environment(env Env) {
	l.Endpoint = env.or("REQUEST_LOGGER_DEFAULT_ENDPOINT", "")
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
