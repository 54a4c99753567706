package stores

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// The account that Azurite has, and its key, which its documentation publishes.
const (
	AzureAccount = "devstoreaccount1"
	AzureKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Azure is a running Azurite.
type Azure struct{ URL string }

// StartAzure starts a server with containers and their blobs.
func StartAzure(t testing.TB, containers map[string]Files) *Azure {
	t.Helper()
	azurite := tools.Path(t, "azurite")
	address := serve(t, func(host, port string) *exec.Cmd {
		cmd := exec.Command(azurite, "--blobHost", host, "--blobPort", port, "--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry")
		cmd.Dir = t.TempDir()
		return cmd
	})
	a := &Azure{URL: "http://" + address + "/" + AzureAccount}
	for container, files := range containers {
		a.send(t, container, "restype=container", nil)
		a.Put(t, container, files)
	}
	return a
}

// Put writes blobs.
func (a *Azure) Put(t testing.TB, container string, files Files) {
	t.Helper()
	for key, content := range files {
		a.send(t, container+"/"+key, "", content)
	}
}

// Env is the environment of a client with the account's key.
func (a *Azure) Env() map[string]string {
	return map[string]string{"AZURE_STORAGE_CONNECTION_STRING": fmt.Sprintf(
		"DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s;", AzureAccount, AzureKey, a.URL)}
}

// SAS is a signature that lets a client read and list a container for an hour.
func (a *Azure) SAS(container string) string {
	const version = "2020-12-06"
	end := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	text := strings.Join([]string{
		"rl", "", end, "/blob/" + AzureAccount + "/" + container, "", "", "", version, "c", "", "", "", "", "", "", "",
	}, "\n")
	return url.Values{"sv": {version}, "se": {end}, "sr": {"c"}, "sp": {"rl"}, "sig": {sign(text)}}.Encode()
}

func sign(text string) string {
	key, _ := base64.StdEncoding.DecodeString(AzureKey)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// send makes a container, or, with content, a blob.
func (a *Azure) send(t testing.TB, path, query string, content []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, a.URL, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Path += "/" + path
	req.URL.RawQuery = query
	length, own, behind := "", "", ""
	if content != nil {
		length = fmt.Sprint(len(content))
		own = "x-ms-blob-type:BlockBlob\n"
		req.Header.Set("X-Ms-Blob-Type", "BlockBlob")
	} else {
		behind = "\nrestype:container"
	}
	if length == "0" {
		length = ""
	}
	date := time.Now().UTC().Format(http.TimeFormat)
	req.Header.Set("X-Ms-Date", date)
	req.Header.Set("X-Ms-Version", "2021-12-02")
	text := "PUT\n\n\n" + length + "\n\n\n\n\n\n\n\n\n" + own + "x-ms-date:" + date + "\nx-ms-version:2021-12-02\n/" +
		AzureAccount + req.URL.EscapedPath() + behind
	req.Header.Set("Authorization", "SharedKey "+AzureAccount+":"+sign(text))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("writing %s: %s %s", path, resp.Status, body)
	}
}
