package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/executor/certificate"
)

// KafkaSecurity is how brokers are connected to.
type KafkaSecurity struct {
	// TLS is true for SSL and SASL_SSL, SASL for SASL_SSL and SASL_PLAINTEXT.
	TLS, SASL bool
	// CA holds the authorities that brokers' certificates are judged by; none:
	// those of the system. Cert and Key, if set, are shown to brokers that ask
	// for a certificate. KeyPassword decrypts the key.
	CA, Cert, Key certificate.Source
	KeyPassword   Secret
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism, Username string
	Password            Secret

	protocol string
}

// Secret is text that is not shown.
type Secret string

// String does not show it.
func (s Secret) String() string { return hidden(string(s)) }

// GoString does not show it.
func (s Secret) GoString() string { return hidden(string(s)) }

func hidden(s string) string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// derive says what the security protocol stands for.
func (k *KafkaSecurity) derive() {
	k.TLS, k.SASL = strings.HasSuffix(k.protocol, "SSL"), strings.HasPrefix(k.protocol, "SASL_")
}

// check judges what the security protocol makes use of; the rest is passed
// over.
func (k *KafkaSecurity) check() error {
	var errs []error
	if !slices.Contains([]string{"PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"}, k.protocol) {
		return fmt.Errorf("KAFKA_SECURITY_PROTOCOL %q is unknown: want PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT", k.protocol)
	}
	if k.TLS && k.Cert.Empty() != k.Key.Empty() {
		errs = append(errs, errors.New("KAFKA_SSL_CLIENT_CERT and KAFKA_SSL_CLIENT_KEY, or the same with _FILE: one is set without the other"))
	}
	if !k.SASL {
		return errors.Join(errs...)
	}
	if !slices.Contains([]string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, k.Mechanism) {
		errs = append(errs, fmt.Errorf("KAFKA_SASL_MECHANISM %q is unknown: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", k.Mechanism))
	}
	if k.Username == "" {
		errs = append(errs, fmt.Errorf("KAFKA_SASL_USERNAME is missing, which %s asks for", k.protocol))
	}
	if k.Password == "" {
		errs = append(errs, fmt.Errorf("KAFKA_SASL_PASSWORD is missing, which %s asks for", k.protocol))
	}
	return errors.Join(errs...)
}
