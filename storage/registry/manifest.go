package registry

import (
	"fmt"
	"path"
	"strings"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// manifest is what an artifact consists of, or, with Manifests, a list of such.
type manifest struct {
	Layers      []layer           `json:"layers"`
	Manifests   []layer           `json:"manifests"`
	Annotations map[string]string `json:"annotations"`
}

type layer struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

const (
	// The name of a layer that is one file, as ORAS and the specification of
	// model artifacts have it.
	titleAnnotation = "org.opencontainers.image.title"
	pathAnnotation  = "org.cncf.model.filepath"
	// unpackAnnotation is "true" on a folder that ORAS has packed.
	unpackAnnotation = "io.deis.oras.content.unpack"

	emptyType = "application/vnd.oci.empty.v1+json"
)

// archives are the endings of media types that are to be unpacked.
func archives() map[string]string {
	return map[string]string{"tar": ".tar", "tar+gzip": ".tar.gz", "tar.gzip": ".tar.gz"}
}

// object is the layer as a file, an archive, or, without a name, nothing.
func (l layer) object(number int) (transfer.Object, error) {
	digest, ok := strings.CutPrefix(l.Digest, "sha256:")
	sums := transfer.HexSum(transfer.SHA256, digest)
	if !ok || len(sums) == 0 {
		return transfer.Object{}, fmt.Errorf("its digest is %q, and not one of SHA-256", l.Digest)
	}
	o := transfer.Object{Key: l.Digest, Size: l.Size, Version: l.Digest, Sums: sums}
	if l.MediaType == emptyType {
		return o, nil
	}
	name := l.Annotations[pathAnnotation]
	if name == "" {
		name = l.Annotations[titleAnnotation]
	}
	form := l.form()
	switch {
	case strings.HasSuffix(l.MediaType, "zstd"):
		return o, fmt.Errorf("it is compressed with zstd, which is not read here; use gzip")
	case form != "" && (name == "" || l.Annotations[unpackAnnotation] == "true" || strings.HasPrefix(l.MediaType, "application/vnd.cncf.model.")):
		o.Archive, o.Name = form, fmt.Sprintf("layer-%d%s", number+1, form)
	case name != "":
		o.Name = path.Clean(strings.TrimPrefix(name, "./"))
	default:
		o.Name = digest
	}
	return o, nil
}

// form is how the layer is packed, by its media type.
func (l layer) form() string {
	for ending, form := range archives() {
		if strings.HasSuffix(l.MediaType, "."+ending) {
			return form
		}
	}
	if l.Annotations[unpackAnnotation] == "true" {
		return ".tar.gz"
	}
	return ""
}
