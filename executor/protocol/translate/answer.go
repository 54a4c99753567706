package translate

// Answer writes an answer in another form of the same protocol.
func Answer(from, to Form, body []byte) ([]byte, error) {
	decoder, err := from.codec()
	if err != nil {
		return nil, err
	}
	encoder, err := to.codec()
	if err != nil {
		return nil, err
	}
	m, err := decoder.decodeResponse(Payload{Body: body, ContentType: "application/json"})
	if err != nil {
		return nil, err
	}
	p, err := encoder.encodeResponse(m, &message{})
	return p.Body, err
}
