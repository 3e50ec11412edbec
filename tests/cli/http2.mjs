// A client of HTTP/2 as Node.js has it: usage: http2.mjs URL TOKEN WHAT, with NODE_EXTRA_CA_CERTS for https. Prints one JSON document.
import http2 from 'node:http2'

const [url, token, what] = process.argv.slice(2)
const session = http2.connect(url)
const said = { goaway: null, closed: false }
session.on('error', error => { said.error = String(error) })
session.on('goaway', code => { said.goaway = code })
session.on('close', () => { said.closed = true })

function ask(path, body, more = {}) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/api/telephony/' + path, ':method': body ? 'POST' : 'GET', authorization: 'Bearer ' + token,
      ...(body ? { 'content-type': 'application/json' } : {}), ...more })
    let status, text = ''
    stream.on('response', headers => { status = headers[':status'] })
    stream.setEncoding('utf8')
    stream.on('data', piece => { text += piece })
    stream.on('end', () => resolve({ path, status, text, at: ask.count++ }))
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('it was not answered')))
    stream.end(body)
  })
}
ask.count = 0

const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))

// A reader of events: resolves when that event was heard.
function events() {
  const stream = session.request({ ':path': '/api/telephony/events', authorization: 'Bearer ' + token, accept: 'text/event-stream' })
  const reader = { stream, text: '', status: 0, ended: false }
  stream.setEncoding('utf8')
  stream.on('response', headers => { reader.status = headers[':status'] })
  stream.on('data', piece => { reader.text += piece })
  stream.on('close', () => { reader.ended = true })
  reader.until = async text => { while (!reader.text.includes(text)) await wait(10) }
  // Whole events, from a call's first to its last.
  reader.call = async () => {
    for (;;) {
      const whole = reader.text.split('\n\n').slice(0, -1).filter(one => one.includes('event: '))
      const [from, to] = ['new', 'hangup'].map(name => whole.findIndex(one => one.includes('event: call:' + name)))
      if (to >= 0) return whole.slice(from, to + 1).join('\n')
      await wait(10)
    }
  }
  return reader
}

const call = number => JSON.stringify({ agentExtension: '1001', customerPhone: '+155500' + number })

const plans = {
  // Many on one connection: each gets its own answer.
  async many() {
    const paths = ['status', 'calls/active', 'calls/history', 'trunks', 'sip/peers', 'calls/stats', 'nothing']
    const asked = []
    for (let i = 0; i < 700; i++) asked.push(ask(paths[i % paths.length] + (paths[i % paths.length] === 'nothing' ? '/' + i : '')))
    const answers = await Promise.all(asked)
    return { statuses: answers.map(one => one.status), documents: answers.map(one => Object.keys(JSON.parse(one.text)).sort().join()) }
  },
  // Two readers and a call, all on one connection.
  async events() {
    const readers = [events(), events()]
    for (const reader of readers) await reader.until(':\n\n')
    const answer = await ask('call/originate', call('01'))
    const calls = [await readers[0].call(), await readers[1].call()]
    return { status: answer.status, same: calls[0] === calls[1], names: calls[0].match(/^event: .*$/mg) }
  },
  // Whoever comes when it stops: what was asked is answered, and then the connection ends by itself.
  async stop() {
    const reader = events()
    await reader.until(':\n\n')
    process.stdout.write('ready\n')
    let answered = 0
    while (said.goaway === null && !said.closed) {
      const answer = await ask('status').catch(() => null)
      answered += answer !== null && answer.status === 200
    }
    while (!said.closed || !reader.ended) await wait(10)
    return { answered, status: reader.status }
  },
}

const result = await plans[what]()
const before = said.closed
session.close()
process.stdout.write(JSON.stringify({ ...result, ...said, closed: before }) + '\n', () => process.exit(0))
