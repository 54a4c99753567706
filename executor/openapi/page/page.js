"use strict";
(() => {
  const name = document.body.dataset.document;

  // Numbers fill lines, instead of having one each; very many do so densely.
  const long = 20000;
  const layout = (value, indent, style) => {
    const inner = indent + "  ";
    if (Array.isArray(value) && value.length > 0) {
      const parts = value.map((item) => layout(item, inner, style));
      const lines = [""];
      for (const part of parts) {
        const line = lines.length - 1;
        const fits = lines[line].length + part.length + inner.length <= style.width;
        if (!lines[line]) lines[line] = part;
        else if (fits && !part.includes("\n") && !lines[line].includes("\n")) lines[line] += style.comma + part;
        else lines.push(part);
      }
      if (lines.length === 1 && !lines[0].includes("\n")) return "[" + lines[0] + "]";
      return "[\n" + inner + lines.join(",\n" + inner) + "\n" + indent + "]";
    }
    if (value !== null && typeof value === "object" && Object.keys(value).length > 0) {
      const parts = Object.entries(value).map(([key, item]) => JSON.stringify(key) + ": " + layout(item, inner, style));
      return "{\n" + inner + parts.join(",\n" + inner) + "\n" + indent + "}";
    }
    return JSON.stringify(value);
  };
  const compact = (text) => {
    try {
      const value = JSON.parse(text);
      const dense = JSON.stringify(value).length > long;
      return layout(value, "", dense ? { width: 1000, comma: "," } : { width: 100, comma: ", " });
    } catch {
      return text;
    }
  };

  // The same request with Python's requests: values are JSON, read as they are.
  const python = (request) => {
    const headers = Object.fromEntries([...(request.get("headers") ?? [])].filter(([key]) => key.toLowerCase() !== "accept"));
    const lines = ["import json", "import requests", ""];
    let body = "";
    const text = request.get("body");
    if (typeof text === "string" && text) {
      lines.push("body = json.loads(r'''" + text.trim().replaceAll("'''", "\\u0027\\u0027\\u0027") + "''')", "");
      body = "json=body, ";
      delete headers["Content-Type"];
      delete headers["content-type"];
    }
    const more = Object.keys(headers).length ? "headers=" + JSON.stringify(headers) + ", " : "";
    lines.push("answer = requests.request(" + JSON.stringify(request.get("method")) + ", " + JSON.stringify(request.get("url")) + ", " + body + more + "timeout=60)");
    lines.push("answer.raise_for_status()", "print(answer.json())");
    return lines.join("\n");
  };

  // Colouring very long texts would stop the browser for seconds.
  const plugin = (system) => {
    const sample = system.fn.getJsonSampleSchema;
    return {
      fn: {
        getJsonSampleSchema: (...args) => {
          const text = sample(...args);
          return typeof text === "string" ? compact(text) : text;
        },
        requestSnippetGenerator_python: python,
      },
      wrapComponents: {
        SyntaxHighlighter: (Original, { React }) => (props) => {
          const text = Array.isArray(props.children) ? props.children.join("") : String(props.children ?? "");
          return text.length > long
            ? React.createElement("pre", { className: "plain-code" }, text)
            : React.createElement(Original, props);
        },
      },
    };
  };

  const ui = SwaggerUIBundle({
    url: new URL(name + ".json", location.href).href,
    dom_id: "#page",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [plugin],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 4,
    displayRequestDuration: true,
    validatorUrl: null,
    requestSnippetsEnabled: true,
    requestSnippets: {
      generators: { curl_bash: { title: "curl", syntax: "bash" }, python: { title: "Python", syntax: "python" } },
      defaultExpanded: true,
      languages: ["curl_bash", "python"],
    },
    // What one came for is open.
    onComplete: () => {
      if (!location.hash) ui.layoutActions.show(["operations", "Predictions", "Predict"], true);
    },
  });
})();
