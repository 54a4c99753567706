package train

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// keyAlgorithm is what ssh calls the kind of key, and keyCurve its curve.
const (
	keyAlgorithm = "ecdsa-sha2-nistp256"
	keyCurve     = "nistp256"
)

// Keys returns the Secret of a plan that names one, with a new pair of keys made of
// random bytes. Its owner is the job.
func (p *Plan) Keys(random io.Reader) (*corev1.Secret, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("writing a key: %w", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing a public key: %w", err)
	}
	var wire []byte
	for _, part := range [][]byte{[]byte(keyAlgorithm), []byte(keyCurve), point} {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(part))) //nolint:gosec // Names and a point are short.
		wire = append(wire, part...)
	}
	public := keyAlgorithm + " " + base64.StdEncoding.EncodeToString(wire) + "\n"
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name: p.Secret, Namespace: p.Job.GetNamespace(), Labels: map[string]string{LabelJob: p.Job.GetName()},
			OwnerReferences: []metav1.OwnerReference{ownerOf(p.Job)},
		},
		Type: corev1.SecretTypeSSHAuth,
		Data: map[string][]byte{
			SecretPrivate: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
			SecretPublic:  []byte(public), SecretKnown: []byte(workerAlias + " " + public),
		},
	}, nil
}
