import type { LogSettingValue } from '../../service/log-settings.js';
import { type MethodContext, registerMethod } from './methods.js';

interface SettingMessage {
  readonly bool_param?: boolean;
  readonly uint32_param?: number;
  readonly string_param?: string;
}

interface SettingsMessage {
  readonly settings: Readonly<Record<string, SettingMessage>>;
}

/** LogSettings: changes what it is sent and answers with all that is in force. */
export function registerLogSettings(context: MethodContext): void {
  registerMethod<SettingsMessage, SettingsMessage>(context, 'LogSettings', ({ settings }) => {
    const changes = new Map(Object.entries(settings).map(([name, message]) => [name, readSetting(message)]));
    return { settings: toMessage(context.service.logSettings(changes)) };
  });
}

function readSetting({ bool_param, uint32_param, string_param }: SettingMessage): LogSettingValue | null {
  return bool_param ?? uint32_param ?? string_param ?? null;
}

function toMessage(settings: ReadonlyMap<string, LogSettingValue>): Record<string, SettingMessage> {
  return Object.fromEntries([...settings].map(([name, value]) => [name, settingOf(value)]));
}

function settingOf(value: LogSettingValue): SettingMessage {
  switch (typeof value) {
    case 'boolean':
      return { bool_param: value };
    case 'number':
      return { uint32_param: value };
    default:
      return { string_param: value };
  }
}
