//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// ociRents is a model of a registry, mounted or copied.
const ociRents = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: %[1]s}
spec:
  annotations: {seldon.io/image-volumes: %[2]s}
  predictors:
  - name: default
    graph: {name: rents, implementation: TENSORFLOW_SERVER, modelUri: "oci://%[3]s"}
`

// A model that is an image is mounted by the kubelet, without an init container, and
// answers as its copy does. An artifact that is no image is an empty folder when it is
// mounted, and a model when it is copied.
func TestModelsAsImages(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "images")
	addresses := stores.StartRegistryAt(t, nil, "127.0.0.1", here())
	forNode, forPods := addresses[0], addresses[1]
	files := stores.Folder(t, "../../samples/versions/model/3", "3/")
	filler := make([]byte, 64<<20) // A model of some size.
	seed := rand.NewChaCha8([32]byte{})
	_, _ = seed.Read(filler)
	files["3/assets/filler"] = filler
	layer := stores.Layer{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Content: stores.TarGz(files)}
	stores.Artifact{Repository: "team/rents", Tag: "image", Image: true}.Push(t, forNode, layer)
	stores.Artifact{Repository: "team/rents", Tag: "artifact"}.Push(t, forNode, layer)
	var each []stores.Layer
	for name, content := range stores.Folder(t, "../../samples/versions/model/3", "3/") {
		each = append(each, stores.Layer{MediaType: "application/octet-stream", Content: content, Annotations: map[string]string{"org.opencontainers.image.title": name}})
	}
	stores.Artifact{Repository: "team/rents", Tag: "files"}.Push(t, forNode, each...)
	w.kubectl("create", "secret", "generic", storesSecret, "--from-literal=RADIANT_OCI_PLAIN_HTTP="+forPods)

	question := read(t, "../../samples/versions/request.json")
	for _, c := range []struct{ name, way, uri string }{
		{"copied", "never", forPods + "/team/rents:image"},
		{"mounted", "auto", forNode + "/team/rents:image"},
		{"again", "auto", forNode + "/team/rents:image"},
		{"artifact-copied", "never", forPods + "/team/rents:artifact"},
	} {
		w.applyText(fmt.Sprintf(ociRents, c.name, c.way, c.uri))
		t.Logf("%s: the server's process runs %.2f s after its pod was made", c.name, w.started(c.name, "rents").Seconds())
		w.available(c.name)
		w.eventually(c.name+" answers", func() error {
			response, err := http.Post(fmt.Sprintf("http://%s/seldon/%s/%s/api/v1.0/predictions", gatewayREST(), w.namespace, c.name), "application/json", strings.NewReader(question))
			if err != nil {
				return err
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err == nil && !strings.Contains(string(body), "[[600.0]]") && !strings.Contains(string(body), "[[600]]") {
				err = fmt.Errorf("status %d: %s", response.StatusCode, body)
			}
			return err
		})
		pod := w.onePod(c.name)
		inits := len(pod.Spec.InitContainers)
		isMounted := slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Image != nil })
		if want := c.way == "auto"; isMounted != want || (inits == 0) != want {
			t.Errorf("%s: mounted is %v, with %d init containers", c.name, isMounted, inits)
		}
		w.delete(c.name)
	}

	// containerd does not mount what is no image: by the types of the layers it says so, or not.
	w.applyText(fmt.Sprintf(ociRents, "layers", "auto", forNode+"/team/rents:artifact"))
	w.eventually("an artifact of layers is refused", func() error {
		d := w.deployment("layers")
		if !strings.Contains(d.Status.Description, "mismatched image rootfs and manifest layers") {
			return fmt.Errorf("state %s: %s", d.Status.State, d.Status.Description)
		}
		return nil
	})
	t.Logf("an artifact of layers: %s", w.deployment("layers").Status.Description)
	w.delete("layers")
	w.applyText(fmt.Sprintf(ociRents, "files", "auto", forNode+"/team/rents:files"))
	w.eventually("an artifact of files is an empty folder", func() error {
		out, err := w.tryKubectl("logs", "-l", "seldon-deployment-id=files", "-c", "rents", "--tail=20")
		if err == nil && !strings.Contains(out, "has no version folder with a saved_model.pb") {
			err = fmt.Errorf("it says %s", out)
		}
		return err
	})
	t.Logf("an artifact of files: %s", w.deployment("files").Status.Description)
	w.delete("files")
}

// onePod is the pod of a deployment that has one.
func (w *world) onePod(deployment string) *corev1.Pod {
	w.t.Helper()
	var list corev1.PodList
	if err := json.Unmarshal([]byte(w.kubectl("get", "pods", "-l", "seldon-deployment-id="+deployment, "-o", "json")), &list); err != nil {
		w.t.Fatal(err)
	}
	if len(list.Items) != 1 {
		w.t.Fatalf("%s has %d pods", deployment, len(list.Items))
	}
	return &list.Items[0]
}

// started is how long a container takes from when its pod is there until it runs.
func (w *world) started(deployment, container string) time.Duration {
	w.t.Helper()
	var there time.Time
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var list corev1.PodList
		if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.namespace), client.MatchingLabels{"seldon-deployment-id": deployment}); err != nil {
			w.t.Fatal(err)
		}
		if len(list.Items) == 0 {
			continue
		}
		if there.IsZero() {
			there = time.Now()
		}
		for _, s := range list.Items[0].Status.ContainerStatuses {
			if s.Name == container && s.State.Running != nil {
				return time.Since(there)
			}
		}
	}
	w.t.Fatalf("%s of %s does not run", container, deployment)
	return 0
}
